"""The answer of an engine that is asked for a log: frames of a stream, each with the time of its line.

Docker gives times in nanoseconds; Podman 4 gives whole seconds. Lines of one second then get times in their order,
a microsecond apart, counted from the first line of that second: so a second is always read from its begin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

SECOND = 1_000_000_000  # nanoseconds
_STREAMS = {1: "stdout", 2: "stderr"}
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d) ?")
_STEP = 1000  # nanoseconds between lines of which only the second is known


class Line(NamedTuple):
    """One line.

    Args:
        at: its time in nanoseconds.
        number: among those of the same time.
        is_whole: whether it has an end.
    """

    at: int
    number: int
    stream: str
    text: str
    is_whole: bool = True


@dataclass(frozen=True, kw_only=True)
class Span:
    """When a container ran, in nanoseconds, where that is known: what is known by its second alone lies within."""

    began: int = 0
    ended: int = 0


def frames(chunks: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Yield stream and text of each frame."""
    buffer = b""
    for chunk in chunks:
        buffer += chunk
        at = 0
        while len(buffer) - at >= 8:
            size = int.from_bytes(buffer[at + 4 : at + 8], "big")
            if len(buffer) - at - 8 < size:
                break
            yield _STREAMS.get(buffer[at], "stdout"), buffer[at + 8 : at + 8 + size].decode(errors="replace")
            at += 8 + size
        buffer = buffer[at:]


def lines(frames: Iterable[tuple[str, str]], span: Span) -> Iterator[Line]:
    """Yield the lines of frames, in their order; those without an end come last."""
    begun: dict[str, tuple[str, re.Match[str] | None]] = {}
    counter = _Counter(span)
    for stream, frame in frames:
        stamp = _STAMP.match(frame)
        text = begun.pop(stream, ("", None))[0] + (frame[stamp.end() :] if stamp else frame)
        if text.endswith("\n"):
            yield Line(*counter.next(stamp), stream, text.rstrip("\r\n"))
        else:
            begun[stream] = text, stamp
    for stream, (text, stamp) in sorted(begun.items()):
        yield Line(*counter.next(stamp), stream, text, is_whole=False)


class _Counter:
    """Gives lines their times and numbers; times never go back."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._last = (0, False)
        self._count = 0

    def next(self, stamp: re.Match[str] | None) -> tuple[int, int]:
        """Return time and number of the next line."""
        latest = max((_nanoseconds(stamp), bool(stamp[2])), self._last) if stamp else self._last
        self._count = self._count + 1 if latest == self._last else 0
        self._last = latest
        at, is_exact = latest
        if is_exact:
            return at, self._count
        begin = max(at, min(self._span.began, at + SECOND - 1))
        return begin + self._count * _STEP, self._count


def _nanoseconds(stamp: re.Match[str]) -> int:
    zone = "+00:00" if stamp[3] == "Z" else stamp[3]
    seconds = int(datetime.fromisoformat(f"{stamp[1]}{zone}").timestamp())
    return seconds * SECOND + int((stamp[2] or ".0")[1:].ljust(9, "0")[:9])


def time_of(text: str) -> int:
    """Return a time of the engine in nanoseconds, 0 for one that is none (`0001-01-01T00:00:00Z`)."""
    stamp = _STAMP.match(text)
    return _nanoseconds(stamp) if stamp and not text.startswith("0001") else 0


def at_time(nanoseconds: int) -> datetime:
    """Return a time to the microsecond."""
    seconds, rest = divmod(nanoseconds, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
