"""`log/events.log`: a line of JSON for each event that matters, written by every program, shown by `up.py`."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any


class EventFile(WatchedFileHandler):
    """Appends to the file, and opens it again after `up.py` has rotated it. Short lines are written atomically."""

    def __init__(self, filename: str) -> None:
        super().__init__(filename, encoding="utf-8", delay=True)
        self.setFormatter(EventFormatter())

    def _open(self) -> Any:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()


class EventFormatter(logging.Formatter):
    """Writes `at` (ISO 8601), `severity`, `message`, and `deployment` and `status` where the record has them."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
                "deployment": getattr(record, "deployment", ""),
                "status": getattr(record, "status", ""),
                "severity": record.levelname.lower(),
                "message": record.getMessage(),
            },
            ensure_ascii=False,
        )
