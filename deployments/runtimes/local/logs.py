"""Reads the logs that the shims write: merged over replicas and attempts, in either direction, from any position.

Only requested lines are read: files that end before the requested time are not opened, in the others the position is
found by binary search, and lines are read from there, in either direction, block by block.

Many lines may have the same time, so there is a total order: by time, attempt, and position in the file. A cursor is
the position of one line in that order.
"""

from __future__ import annotations

import heapq
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, NamedTuple

from deployments.errors import CursorInvalid
from deployments.runtimes.base import LogLine
from deployments.runtimes.local.attempt_files import read_json
from deployments.runtimes.local.attempt_log import KEPT_FILES, REMOVED, ROTATE_BYTES, UNFINISHED

_BLOCK = 1 << 16
_CLOCK_SLACK = 1.0  # seconds by which the modification time of a file may precede the time of its last line
_MAX_NUMBER = 2**63 - 1  # that a file can be asked for
_OURS = 0  # instead of an inode, for a line that is in no file


class _Place(NamedTuple):
    """The position of a line: its time, attempt, file, and its bytes in the file."""

    at: float
    replica: str
    attempt: int
    inode: int
    begin: int
    end: int

    def cursor(self) -> str:
        return f"{self.at!r} {self.replica} {self.attempt} {self.inode} {self.begin} {self.end}"

    @staticmethod
    def of(cursor: str) -> _Place:
        """Read a cursor.

        Raises:
            CursorInvalid: it was not made by `cursor`.
        """
        try:
            at, replica, attempt, inode, begin, end = cursor.split(" ")
            place = _Place(float(at), replica, int(attempt), int(inode), int(begin), int(end))
        except ValueError as error:
            raise CursorInvalid("The log cannot be read on from there.") from error
        numbers = (place.inode, place.begin, place.end)
        if not math.isfinite(place.at) or not all(0 <= number <= _MAX_NUMBER for number in numbers):
            raise CursorInvalid("The log cannot be read on from there.")
        return place


_Line = tuple[float, str, str, _Place]  # time, stream, text, place


@dataclass(frozen=True, kw_only=True)
class _Range:
    """A range of lines of one attempt: start <= at < end, of those the ones after `beyond` in reading order."""

    start: float | None
    end: float | None
    newest_first: bool
    beyond: _Place | None = None


def read(
    attempts: Iterable[tuple[str, int, Path]],
    *,
    limit: int,
    cursor: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
    newest_first: bool = False,
) -> Sequence[LogLine]:
    """Return the first lines of several attempts in the order of their times.

    Args:
        attempts: (replica, attempt, folder) of each.
        limit: how many lines at most.
        cursor: of the line to go on after, `""` for the first ones.
        start, end: start <= at < end.

    Raises:
        CursorInvalid: the cursor was not made by this runtime.
    """
    place = _Place.of(cursor) if cursor else None
    whole = _Range(
        start=start.timestamp() if start else None, end=end.timestamp() if end else None, newest_first=newest_first
    )
    streams = [
        _lines(replica, attempt, folder, _rest(whole, replica, attempt, place))
        for replica, attempt, folder in sorted(attempts)
    ]
    merged = heapq.merge(*streams, key=itemgetter(0), reverse=newest_first)
    return [
        LogLine(
            at=datetime.fromtimestamp(at, UTC),
            replica=source.replica,
            attempt=source.attempt,
            stream=stream,
            text=text,
            cursor=source.cursor(),
        )
        for at, stream, text, source in islice(merged, limit)
    ]


def unfinished(replica: str, attempt: int, folder: Path) -> Iterator[LogLine]:
    """Yield the lines of an attempt that have no end yet."""
    for stream, (at, text) in (read_json(str(folder / UNFINISHED)) or {}).items():
        yield LogLine(at=datetime.fromtimestamp(at, UTC), replica=replica, attempt=attempt, stream=stream, text=text)


def _rest(whole: _Range, replica: str, attempt: int, place: _Place | None) -> _Range:
    """Return the range of an attempt after a position; attempts that precede it in the order are done at its time."""
    if place is None:
        return whole
    if (replica, attempt) == (place.replica, place.attempt):
        return replace(whole, beyond=place)
    is_done = (replica, attempt) < (place.replica, place.attempt)
    start, end = whole.start, whole.end
    if whole.newest_first:
        until = place.at if is_done else math.nextafter(place.at, math.inf)
        end = until if end is None else min(end, until)
    else:
        since = math.nextafter(place.at, math.inf) if is_done else place.at
        start = since if start is None else max(start, since)
    return replace(whole, start=start, end=end)


def _lines(replica: str, attempt: int, folder: Path, requested: _Range) -> Iterator[_Line]:
    removed = _removed(replica, attempt, folder, requested)
    if removed and not requested.newest_first:
        yield removed
    with ExitStack() as opened:
        files = _open(folder, opened, requested.start)  # newest first
        files, edge = _beyond(files, requested)
        for file in files if requested.newest_first else reversed(files):
            inode = os.fstat(file.fileno()).st_ino
            first, last = _edges(file, requested)
            if edge is not None and inode == edge.inode:
                first, last = (
                    (first, min(last, edge.begin)) if requested.newest_first else (max(first, edge.end), last)
                )
            for begin, raw in (
                _backwards(file, first, last) if requested.newest_first else _forwards(file, first, last)
            ):
                if (parsed := _parsed(raw)) is None or not _is_within(parsed[0], requested):
                    continue
                place = _Place(parsed[0], replica, attempt, inode, begin, begin + len(raw) + 1)
                yield *parsed, place
    if removed and requested.newest_first:
        yield removed


def _removed(replica: str, attempt: int, folder: Path, requested: _Range) -> _Line | None:
    """Return the line that reports how much of a log was removed, with the time of the last removed line."""
    if requested.beyond is not None and (requested.beyond.inode == _OURS or not requested.newest_first):
        return None  # it has been returned already: it comes before all others, or after them
    if (removed := read_json(str(folder / REMOVED))) is None or not _is_within(removed["until"], requested):
        return None
    limit = f"{KEPT_FILES * ROTATE_BYTES // 1_000_000} MB"
    text = (
        f"{removed['bytes'] / 1e6:.1f} MB of older lines were removed: the log of an attempt keeps its last {limit}."
    )
    return removed["until"], "launchpad", text, _Place(removed["until"], replica, attempt, _OURS, 0, 0)


def _open(folder: Path, opened: ExitStack, start: float | None) -> list[BinaryIO]:
    """Open the files of an attempt, newest first, before any is read: they may be rotated or deleted meanwhile."""
    files: list[BinaryIO] = []
    inodes: set[int] = set()
    for number in range(KEPT_FILES):
        path = folder / (f"log.{number}.jsonl" if number else "log.jsonl")
        try:
            if start is not None and path.stat().st_mtime < start - _CLOCK_SLACK:
                continue
            file = opened.enter_context(path.open("rb"))
        except FileNotFoundError:
            continue
        if (inode := os.fstat(file.fileno()).st_ino) not in inodes:
            inodes.add(inode)
            files.append(file)
    return files


def _beyond(files: list[BinaryIO], requested: _Range) -> tuple[list[BinaryIO], _Place | None]:
    """Return the files with lines after a position, newest first, and the position if it is in one of them."""
    place = requested.beyond
    if place is None:
        return files, None
    for number, file in enumerate(files):
        if os.fstat(file.fileno()).st_ino == place.inode and _is_at(file, place):
            return (files[number:] if requested.newest_first else files[: number + 1]), place
    # Its file was removed, and all older ones with it, so all remaining lines are newer.
    return ([] if requested.newest_first else files), None


def _is_at(file: BinaryIO, place: _Place) -> bool:
    """Return whether a line is still at its position: a new file may reuse the inode of a removed one."""
    file.seek(place.begin)
    parsed = _parsed(file.readline())
    return parsed is not None and parsed[0] == place.at


def _edges(file: BinaryIO, requested: _Range) -> tuple[int, int]:
    """Return the offsets between which a file has lines of the requested time."""
    size = file.seek(0, os.SEEK_END)
    first = _offset(file, size, requested.start) if requested.start is not None else 0
    return first, _offset(file, size, requested.end) if requested.end is not None else size


def _is_within(at: float, requested: _Range) -> bool:
    return (requested.start is None or at >= requested.start) and (requested.end is None or at < requested.end)


def _offset(file: BinaryIO, size: int, at: float) -> int:
    """Return the offset of the first line written at a time or later, by binary search."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        file.seek(max(middle - 1, 0))
        if middle:
            file.readline()  # to the begin of a line
        begin = file.tell()
        parsed = None
        while begin < high and parsed is None and (raw := file.readline()):
            parsed = _parsed(raw)  # a line that was truncated by a full disk has no time: the next one is used
        if parsed is None or parsed[0] >= at:
            high = middle
        else:
            low = file.tell()
    return low


def _parsed(raw: bytes) -> tuple[float, str, str] | None:
    """Return time, stream and text, None for a line that is being written, or was truncated by a full disk."""
    try:
        at, stream, text = json.loads(raw.decode())  # json.loads of bytes would detect the encoding, line by line
    except ValueError:
        return None
    return at, stream, text


def _forwards(file: BinaryIO, first: int, last: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines between two offsets, each with its offset and without its line end."""
    file.seek(first)
    while first < last and (raw := file.readline()):
        yield first, raw.rstrip(b"\n")
        first += len(raw)


def _backwards(file: BinaryIO, first: int, last: int) -> Iterator[tuple[int, bytes]]:
    """Yield the same, the last one first."""
    position = last
    rest = b""
    while position > first:
        size = min(_BLOCK, position - first)
        position -= size
        file.seek(position)
        block = file.read(size) + rest
        begin = position + len(block)
        rest, *whole = block.split(b"\n")
        for line in reversed(whole):
            begin -= len(line)
            if line:
                yield begin, line
            begin -= 1  # the end of the line before
    if rest:
        yield first, rest
