"""Reading the log of a deployment in pages: the newest or the oldest first, with filters, from any point of time.

The runtime yields lines by their time, of all replicas and attempts. Pages are cut by time alone: a page always ends
with all lines of its last moment, so that the next one begins after it and no line is shown twice or lost. What a
page costs follows what it shows: lines are read from its end of the log, and a search stops after so many lines and
says how far it has come.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from deployments.models import Attempt
from deployments.runtimes.base import LogLine, Runtime
from deployments.runtimes.exit_cause import is_error, severity
from deployments.runtimes.terminal import plain, styled

PAGE = 200  # lines
BEFORE_ERROR = 20  # lines shown before the one that says what ended a server
SCAN_LINES = 10_000  # lines that are looked through for a page, some 50 ms
POLL_SCAN_LINES = 2_000
INSTANT = timedelta(microseconds=1)
# Servers write side by side: a line may reach its file a moment after a later one of another server was read. What is
# read for appending to a page stops this long before now, so that nothing is written behind its back.
HOLD_BACK = timedelta(milliseconds=500)


@dataclass(frozen=True, kw_only=True)
class LogFilter:
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
            and (not self.text or self.text.casefold() in plain(line.text).casefold())
        )


@dataclass(frozen=True, kw_only=True)
class Part:
    """A piece of a line: its text, its colour and weight, and whether it is a hit of the search."""

    text: str
    style: str = ""
    is_hit: bool = False


@dataclass(frozen=True, kw_only=True)
class ShownLine:
    """A line as a page shows it."""

    line: LogLine
    parts: Sequence[Part]
    is_error: bool
    is_first_error: bool = False


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """One page of lines in the order wanted.

    Args:
        lines: what to show.
        next: where the next page begins: lines before this time (newest first) or after it; None when there is none.
        is_cut: whether the page is not full as the search has stopped at `next`.
        newest: time after which lines are not on this page yet, for appending what is written from now on.
    """

    lines: Sequence[ShownLine]
    next: datetime | None
    is_cut: bool = False
    newest: datetime | None = None


def log_page(
    runtime: Runtime, deployment_id: str, wanted: LogFilter, *, size: int = PAGE, scan: int = SCAN_LINES
) -> LogPage:
    """Return the first page of the lines that are wanted.

    Args:
        size: lines on the page, at least.
        scan: lines that are looked through for them, at least.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
    """
    lines, edge = _cut(_lines(runtime, deployment_id, wanted), wanted, size, scan)
    page = [_shown(line, wanted.text) for line in lines]
    newest = max((line.at for line in lines), default=None)
    return LogPage(lines=page, next=edge, is_cut=edge is not None and len(lines) < size, newest=newest)


def lines_since(runtime: Runtime, deployment_id: str, wanted: LogFilter, *, after: datetime, now: datetime) -> LogPage:
    """Return what was written after a time, for appending to a page; see HOLD_BACK.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
    """
    begin = max(after + INSTANT, wanted.start) if wanted.start else after + INSTANT
    until = min(now - HOLD_BACK, wanted.end) if wanted.end else now - HOLD_BACK
    oldest_first = replace(wanted, start=begin, end=until, newest_first=False)
    page = log_page(runtime, deployment_id, oldest_first, scan=POLL_SCAN_LINES)
    lines = page.lines[::-1] if wanted.newest_first else page.lines
    return LogPage(lines=lines, next=None, is_cut=page.is_cut, newest=page.next or page.newest or after)


def unfinished_lines(runtime: Runtime, deployment_id: str, wanted: LogFilter) -> Sequence[ShownLine]:
    """Return lines that have no end yet, as the newest state of a progress bar.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
    """
    return [_shown(line, wanted.text) for line in runtime.unfinished_lines(deployment_id) if wanted.takes(line)]


def page_at_error(runtime: Runtime, deployment_id: str, attempt: Attempt, *, size: int = PAGE) -> LogPage:
    """Return the page of an attempt's log that begins shortly before what ended it, oldest first.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
    """
    wanted = LogFilter(replica=attempt.replica.name, attempt=attempt.number, newest_first=False)
    if (at := attempt.first_error_at or _written_on(runtime, deployment_id, wanted, attempt.first_error)) is None:
        return log_page(runtime, deployment_id, wanted, size=size)
    before = replace(wanted, end=at, newest_first=True)
    earlier, _ = _cut(_lines(runtime, deployment_id, before), before, BEFORE_ERROR, SCAN_LINES)
    since = replace(wanted, start=at)
    later, edge = _cut(_lines(runtime, deployment_id, since), since, size, SCAN_LINES)
    at_once = [number for number, line in enumerate(later) if line.at == at]
    if not at_once:  # it was removed meanwhile
        return log_page(runtime, deployment_id, wanted, size=size)
    error = next((number for number in at_once if _is_cause(later[number], attempt.first_error)), at_once[0])
    page = [_shown(line, "") for line in earlier[:BEFORE_ERROR][::-1]]
    page += [replace(_shown(line, ""), is_first_error=number == error) for number, line in enumerate(later)]
    return LogPage(lines=page, next=edge, newest=later[-1].at)


def text_of(runtime: Runtime, deployment_id: str, wanted: LogFilter) -> Iterator[str]:
    """Yield the lines as plain text, oldest first, for a download: without what a terminal would obey.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
    """
    lines = _lines(runtime, deployment_id, replace(wanted, newest_first=False))
    for line in filter(wanted.takes, lines):
        at = line.at.isoformat(timespec="milliseconds")
        yield f"{at} {line.replica} attempt {line.attempt} {line.stream} {plain(line.text)}\n"


def _lines(runtime: Runtime, deployment_id: str, wanted: LogFilter) -> Iterable[LogLine]:
    """Return the lines of the times, the replica and the attempt that are wanted."""
    return runtime.logs(
        deployment_id,
        start=wanted.start,
        end=wanted.end,
        newest_first=wanted.newest_first,
        replica=wanted.replica,
        attempt=wanted.attempt,
    )


def _cut(
    lines: Iterable[LogLine], wanted: LogFilter, size: int, scan: int
) -> tuple[Sequence[LogLine], datetime | None]:
    """Return the first lines that are wanted, and the last moment looked at when there may be more behind it.

    At least `size` lines if there are as many, or what at least `scan` lines hold; whole moments.
    """
    kept: list[LogLine] = []
    last: datetime | None = None
    for number, line in enumerate(lines):
        if line.at != last and (number >= scan or len(kept) >= size):
            return kept, last
        if wanted.takes(line):
            kept.append(line)
        last = line.at
    return kept, None


def _written_on(runtime: Runtime, deployment_id: str, wanted: LogFilter, cause: str) -> datetime | None:
    """Look for the time of a cause that was noted without it, near the end of an attempt."""
    lines = enumerate(_lines(runtime, deployment_id, replace(wanted, newest_first=True)))
    for number, line in lines:
        if number > SCAN_LINES:
            return None
        if _is_cause(line, cause):
            return line.at
    return None


def _is_cause(line: LogLine, cause: str) -> bool:
    return severity(line.text)[1] == cause.strip()


def _shown(line: LogLine, text: str) -> ShownLine:
    return ShownLine(line=line, parts=_parts(line.text, text), is_error=is_error(line.text))


def _parts(text: str, hit: str) -> Sequence[Part]:
    parts = [Part(text=piece, style=style) for piece, style in styled(text)]
    if not hit:
        return parts
    whole = "".join(part.text for part in parts)
    hits = [found.span() for found in re.finditer(re.escape(hit), whole, re.IGNORECASE)]
    edges = {edge for span in hits for edge in span}
    marked: list[Part] = []
    begin = 0
    for part in parts:
        end = begin + len(part.text)
        cuts = sorted({begin, end, *(edge for edge in edges if begin < edge < end)})
        for low, high in pairwise(cuts):
            is_hit = any(first <= low < last for first, last in hits)
            marked.append(Part(text=whole[low:high], style=part.style, is_hit=is_hit))
        begin = end
    return marked
