"""Which line of a log says why a server ended: logs as the programs of the field write them."""

from __future__ import annotations

import re
import time

import pytest

from deployments.runtimes.exit_cause import FRESH_LINES, MAX_CAUSE, CauseFinder, is_error
from deployments.runtimes.terminal import newest_state, plain, styled
from tests.runtimes.exit_cause_logs import LOGS


def cause_of(log: str, *, last_line: bool = True) -> tuple[str, float]:
    finder = CauseFinder()
    for number, line in enumerate(log.split("\n")):
        finder.note("stderr", line, float(number))
    return finder.cause(last_line=last_line)


@pytest.mark.parametrize("name", LOGS)
def test_the_cause_is_what_ended_the_server(name: str) -> None:
    log, cause = LOGS[name]

    text, at = cause_of(log)

    assert text == cause
    assert re.split(r"\W", cause)[0] in log.split("\n")[int(at)]


def test_of_a_long_line_the_beginning_is_the_cause() -> None:
    text, _ = cause_of("start\nERROR " + "x" * 5000 + "\nbye")

    assert text == f"ERROR {'x' * (MAX_CAUSE - 6)} …"


def test_the_streams_of_a_server_do_not_break_each_others_tracebacks() -> None:
    finder = CauseFinder()
    for stream, line in [
        ("stderr", "Traceback (most recent call last):"),
        ("stdout", "progress: 20 %"),
        ("stderr", '  File "/srv/serve.py", line 1, in <module>'),
        ("stdout", "progress: 21 %"),
        ("stderr", "model.NoSuchLayer: conv9"),
        ("stdout", "progress: 22 %"),
    ]:
        finder.note(stream, line, 0.0)

    assert finder.cause(last_line=True)[0] == "model.NoSuchLayer: conv9"


def test_an_error_that_the_server_has_long_gone_on_after_is_no_cause() -> None:
    log = "ValueError: of one request\n" + "\n".join(f"served {number}" for number in range(FRESH_LINES + 1))

    assert cause_of(log, last_line=False) == ("", 0.0)


def test_an_empty_log_has_no_cause() -> None:
    assert CauseFinder().cause(last_line=True) == ("", 0.0)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("ERROR no", True),
        ("\x1b[31mERROR\x1b[0m no", True),
        ("Traceback (most recent call last):", True),
        ('{"level":"error","msg":"x"}', True),
        ("0 failed, 0 errors", False),
        ('{"level":"info","error":null,"msg":"x"}', False),
        ("INFO the client got ERROR 500", False),
        ("UserWarning: error", False),
    ],
)
def test_single_lines_are_rated_alike_everywhere(line: str, wanted: bool) -> None:
    assert is_error(line) is wanted


@pytest.mark.parametrize(
    "line",
    [
        "x" * 8192,
        "sh: " * 2048,
        "a." * 4096,
        "thread '" * 1000 + "panicked at " * 100,
        "\x1b[1;" * 2000,
        "\x1b]" * 4000,
        '{"' * 4000 + "}",
        "Assertion " * 800,
        " \r" * 30_000,
        "level=" * 1300,
    ],
    ids=lambda line: repr(line[:9]),
)
def test_no_line_is_expensive_to_rate(line: str) -> None:
    began = time.perf_counter()
    cause_of(line)
    newest_state(line)

    assert time.perf_counter() - began < 0.05


def test_text_for_terminals_is_shown_without_what_a_terminal_would_obey() -> None:
    wild = (
        "\x1b]8;;http://x\x1b\\link\x1b]8;;\x07 \x9b2J\x1b(B\x1bP1;2q...\x1b\\\x07"
        "a\tb\x08\x7f\x85\x1b[38;5;196mred\x1b[0;1;94mblue\x1b[m"
    )

    assert plain(wild) == "link a\tbredblue"
    assert styled("a\x1b[31mb\x1b[1mc\x1b[39;22md\x1b[38;5;2;4me\x1b[38;2;1;2;31mf\x1b[97mg") == [
        ("a", ""),
        ("b", "red"),
        ("c", "red bold"),
        ("d", ""),
        ("e", "green"),
        ("f", ""),
        ("g", ""),
    ]
