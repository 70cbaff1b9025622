"""A broker for one test."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from deployments import broker
from launchpad.celery import app
from launchpad.programs import find_valkey
from tests.waiting import wait_until


@contextmanager
def running_valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """Start a broker that everything in this process uses, and end it."""
    program = find_valkey()
    assert program is not None
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "valkey.sock"
        command = (str(program), "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        url = f"redis+socket://{socket}"
        monkeypatch.setattr(settings, "BROKER_URL", url)
        monkeypatch.setattr(app.conf, "broker_url", url)
        monkeypatch.setattr(app.conf, "broker_write_url", url)
        monkeypatch.setattr(broker._CircuitBreaker, "open_until", 0.0)
        broker._connection.cache_clear()
        wait_until(socket.exists, what="the broker listens")
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)
            broker._connection.cache_clear()
