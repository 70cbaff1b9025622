"""The beat goes on whatever is done to the clock on the wall."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from launchpad.beat import Beat, BeatThread
from tests.waiting import wait_until


def test_the_beat_sends_at_once_and_goes_on_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    beat = Beat({"often": 0.05, "seldom": 3600.0}, sent.append)
    thread = threading.Thread(target=beat.run)
    thread.start()
    try:
        wait_until(lambda: len(sent) > 3, what="it beats")
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() - 3600)
        before = len(sent)
        wait_until(lambda: len(sent) > before + 3, timeout=2, what="it goes on")
    finally:
        beat.stop()
        thread.join(5)
    assert sent.count("seldom") == 1
    assert not thread.is_alive()


class Work:
    """What a worker is to run: one function hangs, one fails, one works."""

    go = threading.Event()
    running = most_running = failed = done = 0

    @classmethod
    def hang(cls) -> None:
        cls.running += 1
        cls.most_running = max(cls.most_running, cls.running)
        cls.go.wait(10)
        cls.running -= 1

    @classmethod
    def fail(cls) -> None:
        cls.failed += 1
        raise ValueError("It fails.")

    @classmethod
    def work(cls) -> None:
        cls.done += 1


hang, fail, work = Work.hang, Work.fail, Work.work


def test_a_function_that_hangs_or_fails_keeps_no_other_from_being_run_again() -> None:
    schedule = {f"tests.test_beat.{name}": 0.02 for name in ("hang", "fail", "work")}
    app: Any = SimpleNamespace(conf=SimpleNamespace(launchpad_schedule=schedule), set_current=lambda: None)
    beat = BeatThread(SimpleNamespace(app=app))

    beat.start(None)
    try:
        wait_until(lambda: Work.done > 5 and Work.failed > 5, what="the others are run again and again")
        assert Work.running == 1
    finally:
        Work.go.set()
        beat.stop(None)

    assert Work.most_running == 1, "the next run of one waits for its last one"
    assert Work.running == 0
