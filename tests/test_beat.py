"""The beat goes on whatever is done to the clock on the wall."""

from __future__ import annotations

import threading
import time

import pytest

from launchpad.beat import Beat
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
