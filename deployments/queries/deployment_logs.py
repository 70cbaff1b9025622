"""Reading the log of a deployment in pages: the newest or the oldest first, with filters, from any point of time.

The runtime yields lines oldest first, of all replicas and attempts. Pages are cut by time alone: a page always ends
with all lines of its last moment, so that the next one begins after it and no line is shown twice or lost.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deployments.models import Attempt
from deployments.runtimes.base import LogLine, Runtime

PAGE = 200  # lines
BEFORE_ERROR = 20  # lines shown before the first error
INSTANT = timedelta(microseconds=1)
# Servers write side by side: a line may reach its file a moment after a later one of another server was read. What is
# read for appending to a page stops this long before now, so that nothing is written behind its back.
HOLD_BACK = timedelta(milliseconds=500)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_ERROR = re.compile(r"\b(error|exception|traceback|fatal|critical|panic)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class LogWanted:
    """Which lines are wanted.

    Args:
        text: part of the line, in any case.
        start, end: start <= time < end, None for no bound.
        replica: name of one replica, `""` for all.
        attempt: number of one attempt, None for all.
        stream: "stdout", "stderr" or "launchpad", `""` for all.
        newest_first: order of the page.
    """

    text: str = ""
    start: datetime | None = None
    end: datetime | None = None
    replica: str = ""
    attempt: int | None = None
    stream: str = ""
    newest_first: bool = True

    def takes(self, line: LogLine) -> bool:
        return (
            (not self.replica or line.replica == self.replica)
            and (self.attempt is None or line.attempt == self.attempt)
            and (not self.stream or line.stream == self.stream)
            and (not self.text or self.text.casefold() in line.text.casefold())
        )


@dataclass(frozen=True, kw_only=True)
class ShownLine:
    """A line as a page shows it: the parts of its text with whether they are a hit of the search."""

    line: LogLine
    parts: Sequence[tuple[str, bool]]
    is_error: bool
    is_first_error: bool = False


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """One page of lines in the order wanted.

    Args:
        lines: what to show.
        next: where the next page begins: lines before this time (newest first) or after it; None when there is none.
        newest: time after which lines are not on this page yet, for appending what is written from now on.
    """

    lines: Sequence[ShownLine]
    next: datetime | None
    newest: datetime | None = None


def log_page(runtime: Runtime, deployment_id: str, wanted: LogWanted, *, size: int = PAGE) -> LogPage:
    """Return the first page of the lines that are wanted.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
    """
    lines = _lines(runtime, deployment_id, wanted)
    if wanted.newest_first:
        kept, more = _last(lines, size)
        page = [_shown(line, wanted.text) for line in reversed(kept)]
    else:
        kept, more = _first(lines, size)
        page = [_shown(line, wanted.text) for line in kept]
    edge = page[-1].line.at if page and more else None
    newest = max((line.line.at for line in page), default=None)
    return LogPage(lines=page, next=edge, newest=newest)


def lines_since(runtime: Runtime, deployment_id: str, wanted: LogWanted, *, after: datetime, now: datetime) -> LogPage:
    """Return what was written after a time, for appending to a page; see HOLD_BACK.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
    """
    begin = max(after + INSTANT, wanted.start) if wanted.start else after + INSTANT
    until = min(now - HOLD_BACK, wanted.end) if wanted.end else now - HOLD_BACK
    oldest_first = replace(wanted, start=begin, end=until, newest_first=False)
    page = log_page(runtime, deployment_id, oldest_first)
    lines = page.lines[::-1] if wanted.newest_first else page.lines
    return LogPage(lines=lines, next=None, newest=page.newest or after)


def page_at_error(runtime: Runtime, deployment_id: str, attempt: Attempt, *, size: int = PAGE) -> LogPage:
    """Return the page of an attempt's log that begins shortly before its first error, oldest first.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
    """
    wanted = LogWanted(replica=attempt.replica.name, attempt=attempt.number, newest_first=False)
    lines = _lines(runtime, deployment_id, wanted)
    before: deque[LogLine] = deque(maxlen=BEFORE_ERROR)
    for line in lines:
        if _plain(line.text).strip() == attempt.first_error.strip():
            after, more = _first(lines, size)
            page = [*(_shown(earlier, "") for earlier in before), replace(_shown(line, ""), is_first_error=True)]
            page += [_shown(later, "") for later in after]
            return LogPage(lines=page, next=page[-1].line.at if more else None, newest=page[-1].line.at)
        before.append(line)
    return log_page(runtime, deployment_id, wanted, size=size)


def text_of(runtime: Runtime, deployment_id: str, wanted: LogWanted) -> Iterator[str]:
    """Yield the lines as plain text, oldest first, for a download.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
    """
    for line in _lines(runtime, deployment_id, wanted):
        at = line.at.isoformat(timespec="milliseconds")
        yield f"{at} {line.replica} attempt {line.attempt} {line.stream} {_plain(line.text)}\n"


def _lines(runtime: Runtime, deployment_id: str, wanted: LogWanted) -> Iterator[LogLine]:
    found: Iterable[LogLine] = runtime.logs(deployment_id, start=wanted.start, end=wanted.end)
    return (line for line in found if wanted.takes(line))


def _last(lines: Iterator[LogLine], size: int) -> tuple[Sequence[LogLine], bool]:
    """Return the last lines, at least `size` of them and whole moments, and whether there are more before."""
    kept: deque[LogLine] = deque()
    more = False
    for line in lines:
        kept.append(line)
        while len(kept) > size and kept[0].at < kept[len(kept) - size].at:
            kept.popleft()
            more = True
    return kept, more


def _first(lines: Iterator[LogLine], size: int) -> tuple[Sequence[LogLine], bool]:
    """Return the first lines, at least `size` of them and whole moments, and whether there are more behind."""
    kept: list[LogLine] = []
    for line in lines:
        if len(kept) >= size and line.at > kept[-1].at:
            return kept, True
        kept.append(line)
    return kept, False


def _shown(line: LogLine, text: str) -> ShownLine:
    plain = _plain(line.text)
    return ShownLine(line=line, parts=_parts(plain, text), is_error=bool(_ERROR.search(plain)))


def _plain(text: str) -> str:
    """Return the text without the colours that servers write for terminals."""
    return _ANSI.sub("", text)


def _parts(text: str, hit: str) -> Sequence[tuple[str, bool]]:
    if not hit:
        return [(text, False)]
    pieces = re.split(f"({re.escape(hit)})", text, flags=re.IGNORECASE)
    return [(piece, number % 2 == 1) for number, piece in enumerate(pieces) if piece]
