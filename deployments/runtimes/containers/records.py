"""What is noted of attempts on our disk beside what the engine knows: how far they are prepared, our words, their end.

<folder>/<replica>/stop               the highest attempt that must not run (any more)
<folder>/<replica>/attempt-<n>.json   see Record
<folder>/<replica>/attempt-<n>.healthy  it is there while the server was healthy when it was last asked
<folder>/images.json                  images that were pulled for us

A container that runs does without: what is needed to look after it is in its labels.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deployments.lifecycle import ExitReason
from deployments.messages import TEXT, Message
from deployments.runtimes.base import ReplicaExit
from deployments.storage import files

_FILE = re.compile(r"attempt-(\d+)\.json\Z")


@dataclass(frozen=True, kw_only=True)
class Record:
    """One attempt.

    Args:
        at: when it began, seconds since 1970.
        worker: pid and start mark of the process that prepares it.
        phase, detail: how far that is.
        lines: our words, each with its time in nanoseconds.
        exit: how it ended, None while it has not.
    """

    at: float
    worker: tuple[int, str]
    phase: str = "PREPARING"
    detail: Message | None = None
    lines: tuple[tuple[int, str], ...] = ()
    exit: ReplicaExit | None = None

    def to_json(self) -> str:
        return json.dumps(
            {
                "at": self.at,
                "worker": list(self.worker),
                "phase": self.phase,
                "detail": self.detail.to_json() if self.detail else None,
                "lines": [list(line) for line in self.lines],
                "exit": _exit_to_json(self.exit) if self.exit else None,
            }
        )

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Record:
        return cls(
            at=float(content["at"]),
            worker=(int(content["worker"][0]), str(content["worker"][1])),
            phase=str(content["phase"]),
            detail=Message.from_json(content["detail"]),
            lines=tuple((int(at), str(text)) for at, text in content["lines"]),
            exit=_exit_from_json(content["exit"]) if content["exit"] else None,
        )


@dataclass
class Records:
    """The records of one connection; several processes read and write them."""

    folder: Path
    _read: dict[Path, tuple[int, Record]] = field(default_factory=dict)  # by the time of their last change

    def replicas(self, prefix: str = "") -> Iterator[str]:
        """Yield the names of replicas of which anything is noted."""
        with suppress(FileNotFoundError):
            for name in sorted(os.listdir(self.folder)):
                if name.startswith(prefix) and not name.startswith(".") and (self.folder / name).is_dir():
                    yield name

    def attempts(self, replica: str) -> dict[int, Record]:
        """Return the attempts of a replica; one whose record cannot be read is left out."""
        try:
            names = os.listdir(self.folder / replica)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        numbers = [int(match[1]) for match in map(_FILE.match, names) if match]
        records = {number: self.read(replica, number) for number in sorted(numbers)}
        return {number: record for number, record in records.items() if record is not None}

    def read(self, replica: str, attempt: int) -> Record | None:
        path = self._path(replica, attempt)
        try:
            changed = path.stat().st_mtime_ns
            if (cached := self._read.get(path)) is not None and cached[0] == changed:
                return cached[1]
            record = Record.from_json(json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            self._read.pop(path, None)
            return None
        self._read[path] = changed, record
        return record

    def write(self, replica: str, attempt: int, record: Record) -> None:
        files.write(self._path(replica, attempt), record.to_json())

    def remove_attempt(self, replica: str, attempt: int) -> None:
        self._path(replica, attempt).unlink(missing_ok=True)
        self.mark_healthy(replica, attempt, healthy=False)

    def remove(self, replica: str) -> None:
        """Forget a replica, out of sight in one step."""
        removed = self.folder / f".{replica}.{time.time_ns()}"
        with suppress(FileNotFoundError):
            (self.folder / replica).rename(removed)
            shutil.rmtree(removed)

    # --- stop and health ----------------------------------------------------------------------------------------

    def stopped_at(self, replica: str, attempt: int) -> float | None:
        """Return when an attempt was told to stop, None when it was not."""
        path = self.folder / replica / "stop"
        try:
            number, at = path.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return float(at) if attempt <= int(number) else None

    def stop(self, replica: str, attempt: int) -> None:
        """Note that an attempt, and those before it, must not run; the first time counts."""
        if self.stopped_at(replica, attempt) is None:
            files.write(self.folder / replica / "stop", f"{attempt} {time.time()}")

    def is_healthy(self, replica: str, attempt: int) -> bool:
        return self._path(replica, attempt).with_suffix(".healthy").exists()

    def mark_healthy(self, replica: str, attempt: int, *, healthy: bool) -> None:
        mark = self._path(replica, attempt).with_suffix(".healthy")
        if healthy == mark.exists():
            return
        with suppress(OSError):  # deleted meanwhile or a full disk: the answer is true all the same
            if healthy:
                mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                mark.touch()
            else:
                mark.unlink(missing_ok=True)

    # --- images -------------------------------------------------------------------------------------------------

    def pulled(self) -> set[str]:
        """Return the names of the images that were pulled for us."""
        try:
            return set(json.loads((self.folder / "images.json").read_text()))
        except (FileNotFoundError, ValueError):
            return set()

    def note_pulled(self, image: str) -> None:
        with files.locked(self.folder / "images.lock"):
            if image not in (known := self.pulled()):
                files.write(self.folder / "images.json", json.dumps(sorted({*known, image})))

    def _path(self, replica: str, attempt: int) -> Path:
        return self.folder / replica / f"attempt-{attempt}.json"


def _exit_to_json(ended: ReplicaExit) -> dict[str, Any]:
    return {
        "reason": ended.reason,
        "code": ended.code,
        "signal": ended.signal,
        "permanent": ended.permanent,
        "message": ended.message.to_json(),
        "first_error": ended.first_error,
        "first_error_at": ended.first_error_at.isoformat() if ended.first_error_at else None,
        "at": ended.at.astimezone(UTC).isoformat(),
    }


def _exit_from_json(ended: Mapping[str, Any]) -> ReplicaExit:
    at = ended["first_error_at"]
    return ReplicaExit(
        reason=ExitReason(ended["reason"]),
        code=ended["code"],
        signal=ended["signal"],
        permanent=ended["permanent"],
        message=Message.from_json(ended["message"]) or TEXT(),
        first_error=ended["first_error"],
        first_error_at=datetime.fromisoformat(at) if at else None,
        at=datetime.fromisoformat(ended["at"]),
    )
