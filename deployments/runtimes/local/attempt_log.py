"""The log of an attempt: JSON lines of time, stream and text, rotated. Standard library only, for the shim's sake."""

from __future__ import annotations

import json
import os
import time

from deployments.runtimes.exit_cause import CauseFinder
from deployments.runtimes.local.attempt_files import read_json, write_atomically

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from collections.abc import Mapping

ROTATE_BYTES = 10_000_000
KEPT_FILES = 5
MAX_LINE = 8192  # characters
REMOVED = "log.removed.json"  # bytes of older output that were removed, and the time of its last line
UNFINISHED = "log.unfinished.json"  # stream -> text of a line without a line end so far


class AttemptLog:
    """Writes lines, and finds the one that says why the server ended.

    A server must not fail because its log cannot be written: lines that a full disk refuses are counted and dropped.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._path = os.path.join(folder, "log.jsonl")
        self._fd = -1
        self._size = 0
        self._lost = 0
        self._cause = CauseFinder()

    def write(self, stream: str, text: str) -> None:
        if len(text) > MAX_LINE:
            text = f"{text[:MAX_LINE]} … ({len(text) - MAX_LINE} more characters)"
        at = round(time.time(), 6)
        if stream != "launchpad":
            self._cause.note(stream, text, at)
        try:
            if self._lost:
                # A line may have been cut off by the full disk: the new line ends it.
                self._put(at, "launchpad", f"{self._lost} lines are missing here: they could not be written.", "\n")
                self._lost = 0
            self._put(at, stream, text)
            if self._size > ROTATE_BYTES:
                self._rotate()
        except OSError:
            self._lost += 1

    def show_unfinished(self, lines: Mapping[str, str]) -> None:
        """Write lines without a line end for readers, e.g. the present state of a progress bar."""
        path = os.path.join(self._folder, UNFINISHED)
        try:
            if lines:
                now = round(time.time(), 6)
                write_atomically(path, json.dumps({stream: [now, text[:MAX_LINE]] for stream, text in lines.items()}))
            elif os.path.exists(path):
                os.unlink(path)
        except OSError:
            return  # a full disk: the line is written once it has an end

    def cause(self, *, last_line: bool) -> tuple[str, float]:
        """Return text and time of the line that says why the server ended; see `exit_cause`."""
        return self._cause.cause(last_line=last_line)

    def _put(self, at: float, stream: str, text: str, before: str = "") -> None:
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._size = os.fstat(self._fd).st_size
        line = f"{before}{json.dumps([at, stream, text], ensure_ascii=False)}\n".encode(errors="replace")
        written = os.write(self._fd, line)
        self._size += written
        if written < len(line):
            raise OSError(f"only {written} of {len(line)} bytes were written")

    def _rotate(self) -> None:
        """Rename log.jsonl, the newest file, to log.1.jsonl, that one to log.2.jsonl and so on; remove the oldest."""
        os.close(self._fd)
        self._fd = -1
        oldest = os.path.join(self._folder, f"log.{KEPT_FILES - 1}.jsonl")
        if os.path.exists(oldest):
            self._note_removed(os.stat(oldest))
        for number in range(KEPT_FILES - 1, 0, -1):
            older = self._path if number == 1 else os.path.join(self._folder, f"log.{number - 1}.jsonl")
            if os.path.exists(older):
                os.replace(older, os.path.join(self._folder, f"log.{number}.jsonl"))

    def _note_removed(self, file: os.stat_result) -> None:
        path = os.path.join(self._folder, REMOVED)
        size = int((read_json(path) or {}).get("bytes", 0)) + file.st_size
        write_atomically(path, json.dumps({"bytes": size, "until": file.st_mtime}))
