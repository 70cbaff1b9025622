"""The log of an attempt: JSON lines of time, stream and text, rotated. Standard library only, for the shim's sake."""

from __future__ import annotations

import json
import os
import re
import time

ROTATE_BYTES = 10_000_000
KEPT_FILES = 5
LONGEST_LINE = 8192  # characters

_TRACEBACK = "Traceback (most recent call last)"
_EXCEPTION = re.compile(
    r"^[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt|Warning|Invalid)\b.*|^[a-z_][\w.]*\.[A-Z]\w*: .*"
)
_ERROR = re.compile(
    r"\b(error|exception|critical|fatal|panic|failed|cannot|refused|address already in use|no such file"
    r"|permission denied|out of memory|killed|segmentation fault|unable to)\b",
    re.IGNORECASE,
)


class AttemptLog:
    """Writes lines, and keeps the first that looks like an error: of a traceback, the line that names it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._path = os.path.join(folder, "log.jsonl")
        self._file = open(self._path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115  open as long as the shim
        self._in_traceback = False
        self.first_error = ""

    def write(self, stream: str, text: str) -> None:
        if len(text) > LONGEST_LINE:
            text = f"{text[:LONGEST_LINE]} … ({len(text) - LONGEST_LINE} more characters)"
        self._file.write(json.dumps([round(time.time(), 6), stream, text], ensure_ascii=False) + "\n")
        if stream != "launchpad":
            self._note_error(text)
        if self._file.tell() > ROTATE_BYTES:
            self._rotate()

    def _note_error(self, text: str) -> None:
        if self.first_error:
            return
        if _TRACEBACK in text:
            self._in_traceback = True
        elif self._in_traceback:
            if text[:1].isspace() or not text:
                return
            self._in_traceback = False
            self.first_error = text[:500]
        elif _EXCEPTION.match(text) or _ERROR.search(text):
            self.first_error = text[:500]

    def _rotate(self) -> None:
        """log.jsonl is the newest; log.1.jsonl, log.2.jsonl ... are older and older."""
        self._file.close()
        for number in range(KEPT_FILES - 1, 0, -1):
            older = self._path if number == 1 else os.path.join(self._folder, f"log.{number - 1}.jsonl")
            if os.path.exists(older):
                os.replace(older, os.path.join(self._folder, f"log.{number}.jsonl"))
        self._file = open(self._path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115
