"""Reading the logs that the shims write: merged over replicas and attempts, from either end, from any time on.

Nothing is read that is not asked for: files that end before the time wanted are not opened, in the others its place
is found by halving, and lines are read from there on, in either direction, a block at a time.
"""

from __future__ import annotations

import heapq
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from deployments.runtimes.base import LogLine
from deployments.runtimes.local.attempt_files import read_json
from deployments.runtimes.local.attempt_log import KEPT_FILES, REMOVED, ROTATE_BYTES, UNFINISHED

_BLOCK = 1 << 16
_CLOCK_SLACK = 1.0  # seconds that the time of a file's last write may lie before that of its last line


def merged(
    attempts: Iterable[tuple[str, int, Path]],
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    newest_first: bool = False,
) -> Iterator[LogLine]:
    """Yield the lines of several attempts in the order of their times.

    Args:
        attempts: (replica, attempt, folder) of each.
        start, end: start <= at < end.
    """
    begin, until = start.timestamp() if start else None, end.timestamp() if end else None
    streams = [
        _lines(replica, attempt, folder, begin, until, newest_first=newest_first)
        for replica, attempt, folder in attempts
    ]
    for line in heapq.merge(*streams, key=lambda line: line.at, reverse=newest_first):
        if (start is None or line.at >= start) and (end is None or line.at < end):
            yield line


def unfinished(replica: str, attempt: int, folder: Path) -> Iterator[LogLine]:
    """Yield the lines of an attempt that have no end yet."""
    for stream, (at, text) in (read_json(str(folder / UNFINISHED)) or {}).items():
        yield LogLine(at=datetime.fromtimestamp(at, UTC), replica=replica, attempt=attempt, stream=stream, text=text)


def _lines(
    replica: str, attempt: int, folder: Path, start: float | None, end: float | None, *, newest_first: bool
) -> Iterator[LogLine]:
    def line(at: float, stream: str, text: str) -> LogLine:
        return LogLine(at=datetime.fromtimestamp(at, UTC), replica=replica, attempt=attempt, stream=stream, text=text)

    removed = _removed(folder, start)
    if removed and not newest_first:
        yield line(*removed)
    with ExitStack() as opened:
        files = _open(folder, opened, start)  # newest first
        for file in files if newest_first else reversed(files):
            for raw in _between(file, start, end, newest_first=newest_first):
                if (parsed := _parsed(raw)) is not None:
                    yield line(*parsed)
    if removed and newest_first:
        yield line(*removed)


def _removed(folder: Path, start: float | None) -> tuple[float, str, str] | None:
    """Return the line of ours that says what of an attempt's log is gone, at the time of the last line that is."""
    if (removed := read_json(str(folder / REMOVED))) is None or (start is not None and removed["until"] < start):
        return None
    kept = KEPT_FILES * ROTATE_BYTES // 1_000_000
    text = (
        f"{removed['bytes'] / 1e6:.1f} MB of older lines were removed: the log of an attempt keeps its last {kept} MB."
    )
    return removed["until"], "launchpad", text


def _open(folder: Path, opened: ExitStack, start: float | None) -> list[BinaryIO]:
    """Open the files of an attempt, newest first, before any is read: they may be rotated or deleted meanwhile."""
    files: list[BinaryIO] = []
    seen: set[int] = set()
    for number in range(KEPT_FILES):
        path = folder / (f"log.{number}.jsonl" if number else "log.jsonl")
        try:
            if start is not None and path.stat().st_mtime < start - _CLOCK_SLACK:
                continue
            file = opened.enter_context(path.open("rb"))
        except FileNotFoundError:
            continue
        if (inode := os.fstat(file.fileno()).st_ino) not in seen:
            seen.add(inode)
            files.append(file)
    return files


def _between(file: BinaryIO, start: float | None, end: float | None, *, newest_first: bool) -> Iterator[bytes]:
    """Yield the raw lines of a file with start <= at < end, from either end."""
    size = file.seek(0, os.SEEK_END)
    first = _offset(file, size, start) if start is not None else 0
    last = _offset(file, size, end) if end is not None else size
    if newest_first:
        yield from _backwards(file, first, last)
        return
    file.seek(first)
    while first < last and (raw := file.readline()):
        first += len(raw)
        yield raw


def _offset(file: BinaryIO, size: int, at: float) -> int:
    """Return where the first line begins that was written at a time or after it, by halving."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        file.seek(max(middle - 1, 0))
        if middle:
            file.readline()  # to the begin of a line
        begin = file.tell()
        parsed = None
        while begin < high and parsed is None and (raw := file.readline()):
            parsed = _parsed(raw)  # a line that a full disk has cut off has no time: the next one counts
        if parsed is None or parsed[0] >= at:
            high = middle
        else:
            low = file.tell()
    return low


def _parsed(raw: bytes) -> tuple[float, str, str] | None:
    """Return time, stream and text, None for a line that is being written just now, or was cut off by a full disk."""
    try:
        at, stream, text = json.loads(raw)
    except ValueError:
        return None
    return at, stream, text


def _backwards(file: BinaryIO, first: int, last: int) -> Iterator[bytes]:
    position = last
    rest = b""
    while position > first:
        size = min(_BLOCK, position - first)
        position -= size
        file.seek(position)
        rest, *whole = (file.read(size) + rest).split(b"\n")
        yield from (line for line in reversed(whole) if line)
    if rest:
        yield rest
