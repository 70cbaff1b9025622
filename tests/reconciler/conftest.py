"""The gateway runs once for all tests of the reconciler; each test has a database and a world of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from django.conf import settings

from deployments.gateway import sync
from deployments.gateway.routing_table import RoutingTable
from tests.reconciler.world import FakeWorld, World
from tests.waiting import wait_until


@pytest.fixture(scope="session")
def gateway() -> Iterator[subprocess.Popen[bytes]]:
    home = Path(settings.LAUNCHPAD_HOME)
    (home / "run").mkdir(parents=True, exist_ok=True)
    sync.ensure_config(load_table=RoutingTable)
    process = subprocess.Popen(sync.command())
    try:
        wait_until(sync.is_alive, timeout=10, what="the gateway answers")
        yield process
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def world(transactional_db: None, gateway: subprocess.Popen[bytes]) -> Iterator[World]:
    made = World()
    yield made
    made.end()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture(scope="session")
def answering_port() -> Iterator[int]:
    """The port of a server in this process that answers for all servers in memory."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def fake_world(transactional_db: None, gateway: subprocess.Popen[bytes], answering_port: int) -> FakeWorld:
    return FakeWorld(answering_port)
