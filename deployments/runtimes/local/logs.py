"""Reading the logs that the shims write: merged over replicas and attempts, from either end, a block at a time."""

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
from deployments.runtimes.local.attempt_log import KEPT_FILES

_BLOCK = 1 << 16


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
    streams = [_lines(replica, attempt, folder, newest_first) for replica, attempt, folder in attempts]
    for line in heapq.merge(*streams, key=lambda line: line.at, reverse=newest_first):
        if start is not None and line.at < start:
            if newest_first:
                return
            continue
        if end is not None and line.at >= end:
            if not newest_first:
                return
            continue
        yield line


def _lines(replica: str, attempt: int, folder: Path, newest_first: bool) -> Iterator[LogLine]:
    with ExitStack() as opened:
        files = _open(folder, opened)  # newest first
        for file in files if newest_first else reversed(files):
            for raw in _backwards(file) if newest_first else file:
                try:
                    at, stream, text = json.loads(raw)
                except ValueError:
                    continue  # the line that is being written just now, or one that a full disk has cut off
                yield LogLine(
                    at=datetime.fromtimestamp(at, UTC), replica=replica, attempt=attempt, stream=stream, text=text
                )


def _open(folder: Path, opened: ExitStack) -> list[BinaryIO]:
    """Open the files of an attempt, newest first, before any is read: they may be rotated or forgotten meanwhile."""
    files: list[BinaryIO] = []
    seen: set[int] = set()
    for number in range(KEPT_FILES):
        try:
            file = opened.enter_context((folder / (f"log.{number}.jsonl" if number else "log.jsonl")).open("rb"))
        except FileNotFoundError:
            continue
        if (inode := os.fstat(file.fileno()).st_ino) not in seen:
            seen.add(inode)
            files.append(file)
    return files


def _backwards(file: BinaryIO) -> Iterator[bytes]:
    position = file.seek(0, os.SEEK_END)
    rest = b""
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        file.seek(position)
        rest, *whole = (file.read(size) + rest).split(b"\n")
        yield from (line for line in reversed(whole) if line)
    if rest:
        yield rest
