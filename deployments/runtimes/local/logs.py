"""Reading the logs that the shims write: merged over replicas and attempts, from either end, a block at a time."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from deployments.runtimes.base import LogLine

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
    older = sorted(folder.glob("log.*.jsonl"), key=lambda path: int(path.name.split(".")[1]), reverse=True)
    files = [path for path in (*older, folder / "log.jsonl") if path.exists()]
    for path in reversed(files) if newest_first else files:
        for raw in _backwards(path) if newest_first else _forwards(path):
            try:
                at, stream, text = json.loads(raw)
            except ValueError:
                continue  # the line that is being written just now
            yield LogLine(
                at=datetime.fromtimestamp(at, UTC), replica=replica, attempt=attempt, stream=stream, text=text
            )


def _forwards(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _backwards(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        position = file.seek(0, 2)
        rest = b""
        while position > 0:
            size = min(_BLOCK, position)
            position -= size
            file.seek(position)
            rest, *whole = (file.read(size) + rest).split(b"\n")
            yield from (line for line in reversed(whole) if line)
        if rest:
            yield rest
