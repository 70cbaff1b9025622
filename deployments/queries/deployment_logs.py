"""Reads the log of a deployment in pages: newest or oldest first, with filters, from any point in time.

The runtime returns lines of all replicas and attempts by time, each with a cursor for the lines after it, so that no
line is repeated or lost, even if several have the same time. The cost of a page depends on its size, not on the log's:
lines are read from one end of the log, pages and searches are limited in lines and characters, and a search that
stopped early returns a cursor.
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
CONTEXT_LINES = 20  # lines before the one with the cause of a failure
PAGE_CHARACTERS = 500_000  # limits a page of very long lines
SCAN_LINES = 10_000  # lines that are searched for one page, about 50 ms
SCAN_CHARACTERS = 3_000_000  # the same limit for long lines; about 150 ms with colours in them
POLL_SCAN_LINES = 2_000
CHUNK = 1_000  # lines that a search reads with one call
DOWNLOAD_LINES = 5_000  # lines that are read with one call
Source = LogSource | Runtime
INSTANT = timedelta(microseconds=1)
# Servers write concurrently: a line may reach its file after a later line of another server was read. Reading for
# appending to a page therefore ends this long before now, so that no line is missed.
HOLD_BACK = timedelta(milliseconds=500)


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """Which lines to return, and in which order.

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
        """Whether lines have to be read that do not match."""
        return bool(self.text or self.stream)

    def matches(self, line: LogLine) -> bool:
        return (
            (not self.replica or line.replica == self.replica)
            and (self.attempt is None or line.attempt == self.attempt)
            and (not self.stream or line.stream == self.stream)
            and (not self.text or self.text.casefold() in plain(line.text).casefold())
        )


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a line: its text, its style, and whether it is a hit of the search."""

    text: str
    style: str = ""
    is_hit: bool = False


@dataclass(frozen=True, kw_only=True)
class ShownLine:
    """A line prepared for a page."""

    line: LogLine
    parts: Sequence[Part]
    is_error: bool
    is_first_error: bool = False


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """One page of lines in the requested order.

    Args:
        lines: the lines of the page.
        next: cursor of the next page, `""` when there is none.
        is_cut: whether the page is not full because the search has reached its limit.
        last: the last line that was read, whether it matches or not; None when there was none.
    """

    lines: Sequence[ShownLine]
    next: str = ""
    is_cut: bool = False
    last: LogLine | None = None


def log_page(
    source: Source,
    deployment_id: str,
    log_filter: LogFilter,
    *,
    cursor: str = "",
    size: int = PAGE,
    scan: int = SCAN_LINES,
) -> LogPage:
    """Return the first page of the matching lines, or the one after a cursor.

    Args:
        size: maximum number of lines on the page.
        scan: maximum number of lines that are searched.

    Raises:
        RuntimeUnavailable: the runtime does not respond.
        CursorInvalid: the cursor is not from this log.
    """
    read = _read(source, deployment_id, log_filter, cursor=cursor, size=size, scan=scan)
    page = [_shown(line, log_filter.text) for line in read.lines]
    following = read.last.cursor if read.last is not None and not read.is_end else ""
    return LogPage(lines=page, next=following, is_cut=bool(following) and not read.is_full, last=read.last)


def lines_since(
    source: Source, deployment_id: str, log_filter: LogFilter, *, after: datetime, cursor: str = "", now: datetime
) -> LogPage:
    """Return the lines written after a time, for appending to a page; see HOLD_BACK.

    Args:
        cursor: the page's last line with that time, `""` when the page has all of them.

    Raises:
        RuntimeUnavailable: the runtime does not respond.
        CursorInvalid: the cursor is not from this log.
    """
    begin = after if cursor else after + INSTANT
    begin = max(begin, log_filter.start) if log_filter.start else begin
    until = min(now - HOLD_BACK, log_filter.end) if log_filter.end else now - HOLD_BACK
    oldest_first = replace(log_filter, start=begin, end=until, newest_first=False)
    page = log_page(source, deployment_id, oldest_first, cursor=cursor, scan=POLL_SCAN_LINES)
    lines = page.lines[::-1] if log_filter.newest_first else page.lines
    return LogPage(lines=lines, is_cut=page.is_cut, last=page.last)


def unfinished_lines(source: Source, deployment_id: str, log_filter: LogFilter) -> Sequence[ShownLine]:
    """Return lines without a line end yet, such as the current state of a progress bar.

    Raises:
        RuntimeUnavailable: the runtime does not respond.
    """
    return [
        _shown(line, log_filter.text) for line in source.unfinished_lines(deployment_id) if log_filter.matches(line)
    ]


def page_at_error(source: Source, deployment_id: str, attempt: Attempt, *, size: int = PAGE) -> LogPage:
    """Return the page of an attempt's log that begins shortly before the cause of its failure, oldest first.

    Raises:
        RuntimeUnavailable: the runtime does not respond.
    """
    log_filter = LogFilter(replica=attempt.replica.name, attempt=attempt.number, newest_first=False)
    if (at := attempt.first_error_at or _find_time(source, deployment_id, log_filter, attempt.first_error)) is None:
        return log_page(source, deployment_id, log_filter, size=size)
    before = replace(log_filter, end=at, newest_first=True)
    earlier = _read(source, deployment_id, before, size=CONTEXT_LINES, scan=SCAN_LINES).lines
    later = log_page(source, deployment_id, replace(log_filter, start=at), size=size)
    same_time = [number for number, shown in enumerate(later.lines) if shown.line.at == at]
    if not same_time:  # the log was removed meanwhile
        return log_page(source, deployment_id, log_filter, size=size)
    error = next((n for n in same_time if _is_cause(later.lines[n].line, attempt.first_error)), same_time[0])
    page = [_shown(line, "") for line in earlier[::-1]]
    page += [replace(shown, is_first_error=number == error) for number, shown in enumerate(later.lines)]
    return replace(later, lines=page)


def text_of(source: Source, deployment_id: str, log_filter: LogFilter) -> Iterator[str]:
    """Yield the lines as plain text, oldest first, for a download: without control sequences of terminals.

    Raises:
        RuntimeUnavailable: the runtime does not respond.
    """
    for line in _all_lines(source, deployment_id, replace(log_filter, newest_first=False), DOWNLOAD_LINES):
        if log_filter.matches(line):
            at = line.at.isoformat(timespec="milliseconds")
            yield f"{at} {line.replica} attempt {line.attempt} {line.stream} {plain(line.text)}\n"


@dataclass(frozen=True, kw_only=True)
class _Read:
    """The result of reading a log.

    Args:
        lines: the matching lines.
        last: the last line that was read.
        is_full: whether the requested number of lines was found.
        is_end: whether there are no lines after `last`.
    """

    lines: Sequence[LogLine]
    last: LogLine | None
    is_full: bool
    is_end: bool


def _read(
    source: Source, deployment_id: str, log_filter: LogFilter, *, cursor: str = "", size: int, scan: int
) -> _Read:
    """Return the first matching lines, within the limits of lines, searched lines and characters."""
    matching: list[LogLine] = []
    last: LogLine | None = None
    page_characters = read_characters = 0
    per_call = min(scan, CHUNK) if log_filter.is_search else size
    lines = _all_lines(
        source, deployment_id, log_filter, per_call + 1, cursor
    )  # one more shows whether there are more
    for number, line in enumerate(lines):
        is_full = len(matching) >= size or page_characters >= PAGE_CHARACTERS
        if is_full or number >= scan or read_characters >= SCAN_CHARACTERS:
            return _Read(lines=matching, last=last, is_full=is_full, is_end=False)
        read_characters += len(line.text)
        last = line
        if log_filter.matches(line):
            matching.append(line)
            page_characters += len(line.text)
    return _Read(lines=matching, last=last, is_full=len(matching) >= size, is_end=True)


def _all_lines(
    source: Source, deployment_id: str, log_filter: LogFilter, per_call: int, cursor: str = ""
) -> Iterator[LogLine]:
    """Yield the lines of the filter's period, replica and attempt, `per_call` lines with each call."""
    while True:
        lines = source.logs(
            deployment_id,
            limit=per_call,
            cursor=cursor,
            start=log_filter.start,
            end=log_filter.end,
            newest_first=log_filter.newest_first,
            replica=log_filter.replica,
            attempt=log_filter.attempt,
        )
        yield from lines
        if len(lines) < per_call:
            return
        cursor = lines[-1].cursor


def _find_time(source: Source, deployment_id: str, log_filter: LogFilter, cause: str) -> datetime | None:
    """Find the time of a cause that was stored without it, near the end of an attempt."""
    newest_first = replace(log_filter, newest_first=True)
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
    hits = [match.span() for match in re.finditer(re.escape(hit), whole, re.IGNORECASE)]
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
