"""A broker that hangs holds up the first change for about a second, and those after it not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from deployments import broker, tasks
from launchpad.celery import app
from tests.valkey import running_valkey


@pytest.fixture
def valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A broker of this test alone."""
    with running_valkey(monkeypatch) as process:
        yield process


def sending_takes() -> float:
    began = time.monotonic()
    tasks._send("d0123456789abcde", 0)
    return time.monotonic() - began


def waiting() -> int:
    return int(broker._client(app.conf.broker_write_url).llen("launchpad"))


def test_a_hanging_broker_costs_one_change_a_second(
    valkey: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    sending_takes()
    assert waiting() == 1

    os.kill(valkey.pid, signal.SIGSTOP)
    assert sending_takes() < 1.5
    assert [sending_takes() < 0.1 for _ in range(20)] == [True] * 20

    os.kill(valkey.pid, signal.SIGCONT)
    monkeypatch.setattr(broker._CircuitBreaker, "open_until", time.monotonic())  # the pause is over
    before = waiting()
    sending_takes()
    assert waiting() == before + 1


def test_a_broker_that_is_gone_costs_nothing(valkey: subprocess.Popen[bytes]) -> None:
    valkey.kill()
    valkey.wait(10)

    assert sending_takes() < 0.5
