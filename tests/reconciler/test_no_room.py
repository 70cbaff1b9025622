"""Workers outlive a full disk: they say it once, and what they could not do stays due."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from deployments import tasks
from deployments.storage.disk_space import is_disk_full


def write_a_file() -> None:
    with Path("/dev/full").open("wb", buffering=0) as file:
        file.write(b"x")


def write_a_row() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE rows (value)")
        database.execute("PRAGMA max_page_count = 2")
        database.execute("INSERT INTO rows VALUES (zeroblob(100000))")


@pytest.mark.parametrize("write", [write_a_file, write_a_row])
def test_a_full_disk_is_known_from_files_and_from_the_database(write: object) -> None:
    assert callable(write)
    with pytest.raises((OSError, sqlite3.OperationalError)) as caught:
        write()
    assert is_disk_full(caught.value)
    outer = RuntimeError("a library's own")
    outer.__cause__ = caught.value
    assert is_disk_full(outer)


def test_other_errors_are_not_taken_for_a_full_disk() -> None:
    assert not is_disk_full(sqlite3.OperationalError("database is locked"))
    assert not is_disk_full(FileNotFoundError(2, "No such file"))
    assert not is_disk_full(None)


def test_a_full_disk_is_logged_once_until_there_is_room_again(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        with tasks.surviving_a_full_disk():
            write_a_row()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    with tasks.surviving_a_full_disk():
        pass
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_work_that_fails_for_another_reason_fails() -> None:
    with pytest.raises(ZeroDivisionError), tasks.surviving_a_full_disk():
        raise ZeroDivisionError
