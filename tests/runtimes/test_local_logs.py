"""The logs of the local runtime, read a piece at a time from files with times that only tests can make."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from deployments.errors import CursorInvalid
from deployments.queries.deployment_logs import PAGE, PAGE_CHARACTERS, LogFilter, lines_since, log_page, text_of
from deployments.runtimes.base import LogLine
from deployments.runtimes.local.attempt_log import REMOVED
from deployments.runtimes.local.driver import LocalRuntime

AT = 1_700_000_000.0
ID = "d0123456789abcde"
_numbers = count()


class Log:
    """The log files of a deployment."""

    def __init__(self, home: Path) -> None:
        self.replicas = home / "replicas"

    def folder(self, replica: int, attempt: int) -> Path:
        folder = self.replicas / f"{ID}-1-{replica}" / f"attempt-{attempt}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write(
        self, *times: float, replica: int = 0, attempt: int = 1, file: str = "log.jsonl", text: str = ""
    ) -> None:
        lines = [json.dumps([at, "stdout", text or f"line {next(_numbers)}"], ensure_ascii=False) for at in times]
        with (self.folder(replica, attempt) / file).open("a") as log:
            log.write("".join(f"{line}\n" for line in lines))


@pytest.fixture
def runtime(tmp_path: Path) -> LocalRuntime:
    return LocalRuntime(home=tmp_path)


@pytest.fixture
def log(runtime: LocalRuntime) -> Log:
    return Log(runtime.home)


def walk(runtime: LocalRuntime, step: int, *, newest_first: bool) -> list[LogLine]:
    """Read all lines, a few at a time."""
    lines: list[LogLine] = []
    cursor = ""
    while True:
        piece = runtime.logs(ID, limit=step, cursor=cursor, newest_first=newest_first)
        lines += piece
        if len(piece) < step:
            return lines
        cursor = piece[-1].cursor


def numbers(lines: Sequence[LogLine]) -> list[tuple[str, int, str]]:
    return [(line.replica, line.attempt, line.text) for line in lines]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_each_line_is_read_once_however_many_have_the_same_time(
    runtime: LocalRuntime, log: Log, newest_first: bool, step: int
) -> None:
    for replica, attempt in ((0, 1), (0, 2), (1, 1)):
        log.write(AT, AT + 1, AT + 1, replica=replica, attempt=attempt, file="log.1.jsonl")
        log.write(AT + 1, AT + 1, AT + 1, AT + 2, replica=replica, attempt=attempt)

    lines = walk(runtime, step, newest_first=newest_first)

    assert len(lines) == len(set(numbers(lines))) == 21
    assert numbers(lines) == numbers(runtime.logs(ID, newest_first=newest_first))
    assert [line.at for line in lines] == sorted((line.at for line in lines), reverse=newest_first)


def test_lines_written_meanwhile_come_after_a_cursor(runtime: LocalRuntime, log: Log) -> None:
    log.write(AT, AT)
    cursor = runtime.logs(ID)[-1].cursor
    assert runtime.logs(ID, cursor=cursor) == []

    log.write(AT, AT + 1, text="later")

    assert [line.text for line in runtime.logs(ID, cursor=cursor)] == ["later", "later"]


@pytest.mark.parametrize("newest_first", [False, True])
def test_reading_goes_on_after_the_files_were_rotated(runtime: LocalRuntime, log: Log, newest_first: bool) -> None:
    log.write(*(AT + at for at in range(10)))
    before = runtime.logs(ID, newest_first=newest_first)
    cursor = before[4].cursor

    folder = log.folder(0, 1)
    (folder / "log.jsonl").rename(folder / "log.1.jsonl")
    log.write(AT + 10)
    after = runtime.logs(ID, cursor=cursor, newest_first=newest_first)

    assert numbers(after)[:5] == numbers(before)[5:]
    assert len(after) == (5 if newest_first else 6)


def test_what_was_removed_meanwhile_is_passed_over(runtime: LocalRuntime, log: Log) -> None:
    log.write(*[AT] * 5, file="log.1.jsonl", text="removed")
    log.write(AT, AT + 1, text="kept")
    oldest, newest = runtime.logs(ID, limit=2)[-1].cursor, runtime.logs(ID, limit=4, newest_first=True)[-1].cursor
    (log.folder(0, 1) / "log.1.jsonl").unlink()

    assert [line.text for line in runtime.logs(ID, cursor=oldest)] == ["kept", "kept"]
    assert runtime.logs(ID, cursor=newest, newest_first=True) == []


@pytest.mark.parametrize("newest_first", [False, True])
def test_what_is_missing_of_a_log_is_said_once(runtime: LocalRuntime, log: Log, newest_first: bool) -> None:
    log.write(AT, AT + 1, AT + 2)
    (log.folder(0, 1) / REMOVED).write_text(json.dumps({"bytes": 10_000_000, "until": AT}))

    streams = [line.stream for line in walk(runtime, 1, newest_first=newest_first)]

    assert streams == (["stdout", "stdout", "stdout", "launchpad"] if newest_first else ["launchpad", *["stdout"] * 3])


@pytest.mark.parametrize(
    "cursor",
    ["x", "1 2 3", f"nan {ID}-1-0 1 1 0 9", f"1.0 {ID}-1-0 1 -1 0 9", f"1.0 {ID}-1-0 1 1 {10**30} 9", "2026-01-01"],
)
def test_a_cursor_of_somebody_else_is_refused(runtime: LocalRuntime, log: Log, cursor: str) -> None:
    log.write(AT)

    with pytest.raises(CursorInvalid):
        runtime.logs(ID, cursor=cursor)


def test_a_page_costs_what_it_shows(runtime: LocalRuntime, log: Log) -> None:
    log.write(*[AT] * 400_000, text="GET /v2/predict 200 in 3 ms")

    began = time.monotonic()
    newest = log_page(runtime, ID, LogFilter())
    oldest = log_page(runtime, ID, LogFilter(newest_first=False))
    search = log_page(runtime, ID, LogFilter(text="nowhere"))
    tail = lines_since(runtime, ID, LogFilter(), after=datetime.fromtimestamp(AT - 1, UTC), now=datetime.now(UTC))
    assert time.monotonic() - began < 2, "all of it takes some 15 s"

    assert [len(page.lines) for page in (newest, oldest, search, tail)] == [PAGE, PAGE, 0, PAGE]
    assert search.is_cut
    assert not newest.is_cut


def test_pages_of_lines_of_one_time_follow_each_other(runtime: LocalRuntime, log: Log) -> None:
    log.write(*[AT] * 5)
    wanted = LogFilter(newest_first=True)

    first = log_page(runtime, ID, wanted, size=3)
    second = log_page(runtime, ID, wanted, cursor=first.next, size=3)

    shown = [line.line.text for line in [*first.lines, *second.lines]]
    assert len(set(shown)) == 5
    assert second.next == "", "nothing is offered behind the last line"


def test_a_tail_goes_on_within_one_time(runtime: LocalRuntime, log: Log) -> None:
    log.write(*[AT] * (PAGE + 5))
    now = datetime.now(UTC)
    first = lines_since(runtime, ID, LogFilter(), after=datetime.fromtimestamp(AT, UTC) - timedelta(1), now=now)
    assert first.last is not None

    second = lines_since(runtime, ID, LogFilter(), after=first.last.at, cursor=first.last.cursor, now=now)

    assert len(second.lines) == 5
    assert not {line.line.text for line in first.lines} & {line.line.text for line in second.lines}


def test_the_longest_lines_make_shorter_pages_and_searches(runtime: LocalRuntime, log: Log) -> None:
    coloured = ("\x1b[32mGET\x1b[0m /index.html\t" * 400)[:8000]
    log.write(*(AT + number for number in range(1000)), text=coloured)

    page = log_page(runtime, ID, LogFilter())
    search = log_page(runtime, ID, LogFilter(text="nowhere"))

    assert len(page.lines) == PAGE_CHARACTERS // 8000 + 1
    assert page.next
    assert not page.is_cut
    assert search.is_cut, "it says how far it has come, and goes on when that is wanted"


def test_a_download_holds_every_line(runtime: LocalRuntime, log: Log) -> None:
    log.write(*[AT] * 12_000)

    assert len(set(text_of(runtime, ID, LogFilter()))) == 12_000
