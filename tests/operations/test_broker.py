"""A broker that hangs holds up the first change for about a second, and those after it not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from deployments import broker, tasks
from launchpad.celery import app
from launchpad.programs import find_valkey
from tests.waiting import wait_until


@pytest.fixture
def valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A broker of this test alone."""
    program = find_valkey()
    assert program is not None
    socket = Path(settings.LAUNCHPAD_HOME) / "broker-test.sock"
    process = subprocess.Popen(
        [str(program), "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(socket.parent)],
        stdout=subprocess.DEVNULL,
    )
    url = f"redis+socket://{socket}"
    monkeypatch.setattr(app.conf, "broker_url", url)
    monkeypatch.setattr(app.conf, "broker_write_url", url)
    monkeypatch.setattr(broker._CircuitBreaker, "open_until", 0.0)
    broker._connection.cache_clear()
    wait_until(socket.exists, what="the broker listens")
    yield process
    process.send_signal(signal.SIGCONT)
    process.terminate()
    process.wait(10)
    broker._connection.cache_clear()


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
