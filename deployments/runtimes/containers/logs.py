"""Logs: what the engine has kept of containers, and our words from the records, merged over replicas and attempts.

Of each attempt little more is asked for than is to be returned: from the second of the cursor on, or backwards from
there or from the end, in times that grow.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from docker import APIClient
from docker.errors import APIError

from deployments.errors import CursorInvalid
from deployments.runtimes.base import LogLine
from deployments.runtimes.containers.frames import SECOND, Line, Span, at_time, frames, lines
from deployments.runtimes.exit_cause import CauseFinder
from deployments.runtimes.redaction import Redaction

MAX_LINE = 8192  # characters
CAUSE_LINES = 400  # from the end of a log, in which the cause of an end is looked for
_FIRST_SECONDS = 16  # how far back is looked first
_OURS, _SERVERS = 0, 1


@dataclass(frozen=True, kw_only=True)
class Source:
    """One attempt.

    Args:
        container: its id, `""` when there is none.
        span: when it ran.
        words: ours, with their times.
        redaction: what must not be shown.
        has_ended: whether a line without an end stays without one.
    """

    replica: str
    attempt: int
    container: str
    span: Span
    words: tuple[tuple[int, str], ...]
    redaction: Redaction
    has_ended: bool


class _Place(NamedTuple):
    """Where a line is in the order of all."""

    at: int
    replica: str
    attempt: int
    source: int
    number: int

    def cursor(self) -> str:
        return f"{self.at} {self.replica} {self.attempt} {self.source} {self.number}"

    @staticmethod
    def of(cursor: str) -> _Place:
        try:
            at, replica, attempt, source, index = cursor.split(" ")
            place = _Place(int(at), replica, int(attempt), int(source), int(index))
        except ValueError as error:
            raise CursorInvalid("The log cannot be read on from there.") from error
        if not 0 <= place.at < 1 << 63:
            raise CursorInvalid("The log cannot be read on from there.")
        return place


_Placed = tuple[_Place, str, str]  # place, stream, text


@dataclass(frozen=True, kw_only=True)
class LogQuery:
    """Which lines: start <= at < end, beyond a cursor in the order of reading, and how many at most."""

    limit: int
    cursor: str = ""
    start: datetime | None = None
    end: datetime | None = None
    newest_first: bool = False


def read(client: APIClient, sources: Iterable[Source], query: LogQuery) -> Sequence[LogLine]:
    """Return the requested lines.

    Raises:
        CursorInvalid: the cursor is none of ours.
    """
    beyond = _Place.of(query.cursor) if query.cursor else None
    streams = [list(islice(_of_source(client, source, query, beyond), query.limit)) for source in sources]
    merged = heapq.merge(*streams, key=lambda entry: entry[0], reverse=query.newest_first)
    return [_line(entry) for entry in islice(merged, query.limit)]


def unfinished(client: APIClient, source: Source) -> Sequence[LogLine]:
    """Return what a live server has written of lines without an end."""
    if not source.container or source.has_ended:
        return []
    last_lines = _last(client, source, bool)
    return [
        LogLine(
            at=at_time(line.at),
            replica=source.replica,
            attempt=source.attempt,
            stream=line.stream,
            text=_shown(line.text, source.redaction),
        )
        for line in last_lines
        if not line.is_whole
    ]


def cause(client: APIClient, source: Source, *, last_line: bool) -> tuple[str, datetime | None]:
    """Return text and time of the line that says why a server ended."""
    finder = CauseFinder()
    last = _last(client, source, lambda newest: len(newest) >= CAUSE_LINES)
    for place, stream, text in _placed(source, last[-CAUSE_LINES:]):
        finder.note(stream, text, at_time(place.at).timestamp())
    text, _ = finder.cause(last_line=last_line)
    if not text:
        return "", None
    at = finder.cause(last_line=last_line)[1]
    return text, _time(at)


def _time(seconds: float) -> datetime:
    return at_time(round(seconds * 1e6) * 1000)


# --- one attempt ------------------------------------------------------------------------------------------------


def _of_source(client: APIClient, source: Source, query: LogQuery, beyond: _Place | None) -> Iterator[_Placed]:
    ours = [
        (_Place(at, source.replica, source.attempt, _OURS, index), "launchpad", text)
        for index, (at, text) in enumerate(source.words)
    ]
    if query.newest_first:
        theirs = iter(_backwards(client, source, query, beyond))
        merged: Iterable[_Placed] = heapq.merge(ours[::-1], theirs, key=lambda entry: entry[0], reverse=True)
    else:
        merged = heapq.merge(ours, _forwards(client, source, query, beyond), key=lambda entry: entry[0])
    for entry in merged:
        if _is_within(entry[0], query, beyond):
            yield entry


def _is_within(place: _Place, query: LogQuery, beyond: _Place | None) -> bool:
    if beyond is not None and (place >= beyond if query.newest_first else place <= beyond):
        return False
    at = at_time(place.at)
    return (query.start is None or query.start <= at) and (query.end is None or at < query.end)


def _forwards(client: APIClient, source: Source, query: LogQuery, beyond: _Place | None) -> Iterator[_Placed]:
    """Yield lines in their order, from the second of the cursor or of the start on."""
    if not source.container:
        return
    begin = max(beyond.at if beyond else 0, int(query.start.timestamp()) * SECOND if query.start else 0)
    last = query.end.timestamp() if query.end else None
    if source.span.ended and begin > source.span.ended + SECOND:
        return
    since = begin // SECOND
    entries = _placed(source, lines(_frames(client, source.container, since=since), source.span))
    for entry in entries:
        if last is not None and entry[0].at > (last + 1) * SECOND:
            return
        yield entry


def _backwards(client: APIClient, source: Source, query: LogQuery, beyond: _Place | None) -> list[_Placed]:
    """Return the last lines before the cursor or the end, the newest first."""
    limits = [beyond.at // SECOND] if beyond else []
    limits += [int(query.end.timestamp())] if query.end else []

    def is_enough(newest: Sequence[Line]) -> bool:
        return sum(_is_within(entry[0], query, beyond) for entry in _placed(source, newest)) >= query.limit

    begin = int(query.start.timestamp()) if query.start else 0
    return list(_placed(source, _last(client, source, is_enough, begin=begin, limits=limits)))[::-1]


def _last(
    client: APIClient,
    source: Source,
    is_enough: Callable[[Sequence[Line]], bool],
    *,
    begin: int = 0,
    limits: Sequence[int] = (),
) -> list[Line]:
    """Return enough of the last lines, from longer and longer times: whole seconds, as their lines are numbered.

    The engine could be asked for a number of lines, but Podman 4 puts those without an end into the wrong place then.

    Args:
        begin: the first second to read.
        limits: seconds; the first of them is the last one to read.
    """
    if not source.container:
        return []
    ended = [source.span.ended // SECOND] if source.span.ended else []
    last = min([*limits, *ended, int(time.time()) + 1])
    first = max(begin, source.span.began // SECOND)
    seconds = _FIRST_SECONDS
    while True:
        since = max(first, last - seconds)
        until = last + 2 if limits else 0
        newest = list(lines(_frames(client, source.container, since=since, until=until), source.span))
        if since <= first or is_enough(newest):
            return newest
        seconds *= 8


def _placed(source: Source, log_lines: Iterable[Line]) -> Iterator[_Placed]:
    for line in log_lines:
        if line.is_whole or source.has_ended:
            place = _Place(line.at, source.replica, source.attempt, _SERVERS, line.number)
            yield place, line.stream, _shown(line.text, source.redaction)


def _shown(text: str, redaction: Redaction) -> str:
    """Return a line as a terminal would leave it, without secrets, and not longer than can be shown."""
    text = redaction.redact(text.rstrip("\r").rpartition("\r")[2])
    if len(text) > MAX_LINE:
        text = f"{text[:MAX_LINE]} … ({len(text) - MAX_LINE} more characters)"
    return text


def _line(entry: _Placed) -> LogLine:
    place, stream, text = entry
    return LogLine(
        at=at_time(place.at),
        replica=place.replica,
        attempt=place.attempt,
        stream=stream,
        text=text,
        cursor=place.cursor(),
    )


def _frames(client: APIClient, container: str, *, since: int = 0, until: int = 0) -> Iterator[tuple[str, str]]:
    """Yield what the engine has of a log; closing it early ends the answer."""
    params: dict[str, str | int] = {"stdout": 1, "stderr": 1, "timestamps": 1, "follow": 0}
    params |= {name: second for name, second in (("since", since), ("until", until)) if second}
    address = f"{client.base_url}/v{client.api_version}/containers/{container}/logs"
    with client.get(address, params=params, stream=True, timeout=client.timeout) as answer:
        if answer.status_code == 404:
            return
        if not answer.ok:
            raise APIError(f"the log of {container[:12]} cannot be read", response=answer)
        yield from frames(answer.iter_content(1 << 16))
