"""Reading the log of a deployment in pages: the newest or the oldest first, with filters, from any point of time.

The runtime returns lines by their time, of all replicas and attempts, each with a cursor to go on after it: no line is
shown twice or lost, however many have the same time. What a page costs follows what it shows: lines are read from its
end of the log, a page ends after so many lines or characters, and so does a search, which says how far it has come.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice, pairwise

from deployments.models import Attempt
from deployments.queries.log_source import LogSource
from deployments.runtimes.base import LogLine, Runtime
from deployments.runtimes.exit_cause import is_error, severity
from deployments.runtimes.terminal import plain, styled

PAGE = 200  # lines
BEFORE_ERROR = 20  # lines shown before the one that says what ended a server
PAGE_CHARACTERS = 500_000  # a page of the longest lines ends earlier
SCAN_LINES = 10_000  # lines that are looked through for a page, some 50 ms
SCAN_CHARACTERS = 3_000_000  # the same for long lines; with colours in them some 150 ms
POLL_SCAN_LINES = 2_000
CHUNK = 1_000  # lines that a search reads at once
DOWNLOAD_LINES = 5_000  # lines that are read at once
Source = LogSource | Runtime
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

    @property
    def is_search(self) -> bool:
        """Whether lines have to be read that it does not take."""
        return bool(self.text or self.stream)

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
        next: cursor after which the next page begins, `""` when there is none.
        is_cut: whether the page is not full as the search has stopped.
        last: the last line that was looked at, whether or not the filter takes it; None when there was none.
    """

    lines: Sequence[ShownLine]
    next: str = ""
    is_cut: bool = False
    last: LogLine | None = None


def log_page(
    source: Source,
    deployment_id: str,
    wanted: LogFilter,
    *,
    cursor: str = "",
    size: int = PAGE,
    scan: int = SCAN_LINES,
) -> LogPage:
    """Return the first page of the lines that are wanted, or the one after a cursor.

    Args:
        size: lines on the page, at most.
        scan: lines that are looked through for them, at most.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
        CursorInvalid: the cursor is none of its.
    """
    read = _read(source, deployment_id, wanted, cursor=cursor, size=size, scan=scan)
    page = [_shown(line, wanted.text) for line in read.lines]
    following = read.last.cursor if read.last is not None and not read.is_end else ""
    return LogPage(lines=page, next=following, is_cut=bool(following) and not read.is_full, last=read.last)


def lines_since(
    source: Source, deployment_id: str, wanted: LogFilter, *, after: datetime, cursor: str = "", now: datetime
) -> LogPage:
    """Return what was written after a time, for appending to a page; see HOLD_BACK.

    Args:
        cursor: of the last line of that time that the page has, `""` when it has all of them.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
        CursorInvalid: the cursor is none of its.
    """
    begin = after if cursor else after + INSTANT
    begin = max(begin, wanted.start) if wanted.start else begin
    until = min(now - HOLD_BACK, wanted.end) if wanted.end else now - HOLD_BACK
    oldest_first = replace(wanted, start=begin, end=until, newest_first=False)
    page = log_page(source, deployment_id, oldest_first, cursor=cursor, scan=POLL_SCAN_LINES)
    lines = page.lines[::-1] if wanted.newest_first else page.lines
    return LogPage(lines=lines, is_cut=page.is_cut, last=page.last)


def unfinished_lines(source: Source, deployment_id: str, wanted: LogFilter) -> Sequence[ShownLine]:
    """Return lines that have no end yet, as the newest state of a progress bar.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
    """
    return [_shown(line, wanted.text) for line in source.unfinished_lines(deployment_id) if wanted.takes(line)]


def page_at_error(source: Source, deployment_id: str, attempt: Attempt, *, size: int = PAGE) -> LogPage:
    """Return the page of an attempt's log that begins shortly before what ended it, oldest first.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
    """
    wanted = LogFilter(replica=attempt.replica.name, attempt=attempt.number, newest_first=False)
    if (at := attempt.first_error_at or _written_on(source, deployment_id, wanted, attempt.first_error)) is None:
        return log_page(source, deployment_id, wanted, size=size)
    before = replace(wanted, end=at, newest_first=True)
    earlier = _read(source, deployment_id, before, size=BEFORE_ERROR, scan=SCAN_LINES).lines
    later = log_page(source, deployment_id, replace(wanted, start=at), size=size)
    at_once = [number for number, shown in enumerate(later.lines) if shown.line.at == at]
    if not at_once:  # it was removed meanwhile
        return log_page(source, deployment_id, wanted, size=size)
    error = next((n for n in at_once if _is_cause(later.lines[n].line, attempt.first_error)), at_once[0])
    page = [_shown(line, "") for line in earlier[::-1]]
    page += [replace(shown, is_first_error=number == error) for number, shown in enumerate(later.lines)]
    return replace(later, lines=page)


def text_of(source: Source, deployment_id: str, wanted: LogFilter) -> Iterator[str]:
    """Yield the lines as plain text, oldest first, for a download: without what a terminal would obey.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
    """
    for line in _all_lines(source, deployment_id, replace(wanted, newest_first=False), DOWNLOAD_LINES):
        if wanted.takes(line):
            at = line.at.isoformat(timespec="milliseconds")
            yield f"{at} {line.replica} attempt {line.attempt} {line.stream} {plain(line.text)}\n"


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What was read of a log.

    Args:
        lines: those that the filter takes.
        last: the last one that was looked at.
        is_full: whether there are as many as were wanted.
        is_end: whether there are no more behind `last`.
    """

    lines: Sequence[LogLine]
    last: LogLine | None
    is_full: bool
    is_end: bool


def _read(source: Source, deployment_id: str, wanted: LogFilter, *, cursor: str = "", size: int, scan: int) -> _Read:
    """Return the first lines that are wanted: so many at most, of so many that are looked at, and so long ones."""
    taken: list[LogLine] = []
    last: LogLine | None = None
    shown = characters = 0
    at_once = min(scan, CHUNK) if wanted.is_search else size
    lines = _all_lines(source, deployment_id, wanted, at_once + 1, cursor)  # one more says whether there are more
    for looked_at, line in enumerate(lines):
        is_full = len(taken) >= size or shown >= PAGE_CHARACTERS
        if is_full or looked_at >= scan or characters >= SCAN_CHARACTERS:
            return _Read(lines=taken, last=last, is_full=is_full, is_end=False)
        characters += len(line.text)
        last = line
        if wanted.takes(line):
            taken.append(line)
            shown += len(line.text)
    return _Read(lines=taken, last=last, is_full=len(taken) >= size, is_end=True)


def _all_lines(
    source: Source, deployment_id: str, wanted: LogFilter, at_once: int, cursor: str = ""
) -> Iterator[LogLine]:
    """Yield the lines of the times, the replica and the attempt that are wanted, so many asked for at once."""
    while True:
        lines = source.logs(
            deployment_id,
            limit=at_once,
            cursor=cursor,
            start=wanted.start,
            end=wanted.end,
            newest_first=wanted.newest_first,
            replica=wanted.replica,
            attempt=wanted.attempt,
        )
        yield from lines
        if len(lines) < at_once:
            return
        cursor = lines[-1].cursor


def _written_on(source: Source, deployment_id: str, wanted: LogFilter, cause: str) -> datetime | None:
    """Look for the time of a cause that was noted without it, near the end of an attempt."""
    newest_first = replace(wanted, newest_first=True)
    lines = islice(_all_lines(source, deployment_id, newest_first, CHUNK), SCAN_LINES)
    return next((line.at for line in lines if _is_cause(line, cause)), None)


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
