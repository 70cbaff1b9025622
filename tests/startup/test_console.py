"""What the terminal shows of the logs of a running Launchpad."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from launchpad.console import Console, Follower
from launchpad.event_log import EventFile

STARTUP = {"health": ("127.0.0.1", 1, "localhost")}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    return tmp_path


def test_only_lines_from_now_on_and_only_whole_ones_are_followed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    follower = Follower(path)
    with path.open("a") as file:
        file.write("one\ntw")
    assert list(follower.lines()) == ["one"]
    with path.open("a") as file:
        file.write("o\n")
    assert list(follower.lines()) == ["two"]
    assert list(follower.lines()) == []


def test_a_rotated_file_is_followed_into_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    follower = Follower(path)
    path.write_text("one\n")
    assert list(follower.lines()) == ["one"]
    path.rename(tmp_path / "log.1")
    path.write_text("two, longer than before\n")
    assert list(follower.lines()) == ["two, longer than before"]


def test_an_event_of_a_deployment_becomes_a_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(home, STARTUP)
    record = logging.makeLogRecord(
        {"levelno": logging.INFO, "levelname": "INFO", "msg": "It answers.", "deployment": "d1", "status": "RUNNING"}
    )
    handler = EventFile(str(home / "log" / "events.log"))
    handler.emit(record)
    handler.close()
    console.update()
    assert capsys.readouterr().out.strip().endswith("d1  RUNNING  It answers.")


def test_control_sequences_of_a_model_server_do_not_reach_the_terminal(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console(home, STARTUP)
    message = "Its log says: \x1b]0;owned\x07\x1b[2J\x1b[31mERROR\x1b[0m\x9b1m no\nmodel\r\x08."
    handler = EventFile(str(home / "log" / "events.log"))
    handler.emit(logging.makeLogRecord({"levelname": "ERROR", "msg": message, "deployment": "d1", "status": "DEAD"}))
    handler.close()

    console.update()

    assert capsys.readouterr().out.endswith("  d1  DEAD  Its log says: ERROR no model .\n")


def test_an_event_is_one_line_of_json(home: Path) -> None:
    path = home / "deeper" / "events.log"
    handler = EventFile(str(path))
    handler.emit(logging.makeLogRecord({"levelname": "ERROR", "msg": "two\nlines", "deployment": "d1"}))
    handler.close()
    (line,) = path.read_text().splitlines()
    event = json.loads(line)
    assert event["message"] == "two\nlines"
    assert event["severity"] == "error"
    assert event["deployment"] == "d1"
    assert event["at"].endswith("+00:00")


def test_an_incomplete_line_of_a_killed_program_is_skipped(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(home, STARTUP)
    (home / "log" / "events.log").write_text('{"message": "hal\n{"message": "whole"}\n')
    console.update()
    assert capsys.readouterr().out.strip().endswith("whole")


def test_a_program_that_cannot_stay_up_is_reported_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(home, STARTUP)
    with (home / "log" / "supervisord.log").open("w") as log:
        for _ in range(5):
            log.write("2026-01-01 00:00:00,000 WARN exited: web (exit status 1; not expected)\n")
            log.write("2026-01-01 00:00:01,000 INFO spawned: 'web' with pid 12\n")
    console.update()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("The web server ended (exit status 1) and was restarted; see log/web.log.")


def test_a_first_start_of_a_program_is_not_reported(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(home, STARTUP)
    (home / "log" / "supervisord.log").write_text("2026-01-01 00:00:01,000 INFO spawned: 'web' with pid 12\n")
    console.update()
    assert capsys.readouterr().out == ""
