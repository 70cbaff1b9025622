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
    """Writes lines, and keeps the first that looks like an error: of a traceback, the line that names it.

    A server must not end because its log cannot be written: what does not fit on the disk is counted and left out.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._path = os.path.join(folder, "log.jsonl")
        self._fd = -1
        self._size = 0
        self._lost = 0
        self._in_traceback = False
        self.first_error = ""

    def write(self, stream: str, text: str) -> None:
        if len(text) > LONGEST_LINE:
            text = f"{text[:LONGEST_LINE]} … ({len(text) - LONGEST_LINE} more characters)"
        if stream != "launchpad":
            self._note_error(text)
        try:
            if self._lost:
                # A line may have been cut off by the full disk: the new line ends it.
                self._put("launchpad", f"{self._lost} lines are missing here: they could not be written.", "\n")
                self._lost = 0
            self._put(stream, text)
            if self._size > ROTATE_BYTES:
                self._rotate()
        except OSError:
            self._lost += 1

    def _put(self, stream: str, text: str, before: str = "") -> None:
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._size = os.fstat(self._fd).st_size
        line = f"{before}{json.dumps([round(time.time(), 6), stream, text], ensure_ascii=False)}\n".encode(
            errors="replace"
        )
        written = os.write(self._fd, line)
        self._size += written
        if written < len(line):
            raise OSError(f"only {written} of {len(line)} bytes were written")

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
        os.close(self._fd)
        self._fd = -1
        for number in range(KEPT_FILES - 1, 0, -1):
            older = self._path if number == 1 else os.path.join(self._folder, f"log.{number - 1}.jsonl")
            if os.path.exists(older):
                os.replace(older, os.path.join(self._folder, f"log.{number}.jsonl"))
