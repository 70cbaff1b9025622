"""Servers are asked for their health as the readiness probe of their template says it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from deployments.lifecycle import ReplicaPhase
from deployments.messages import render
from deployments.runtimes.base import HealthCheck
from deployments.runtimes.health_checks import HealthChecks, asked, is_port_open
from tests.runtimes.machine import PYTHON, Machine
from tests.waiting import wait_until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NOT_READY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
SILENT = """
import os, socket
listening = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
kept = []
while True:
    kept.append(listening.accept())
"""
METRICS = """
import http.server, os, socket
serving = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.headers["X-Probe"] == "yes" else 401)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ["METRICS"])), Handler).serve_forever()
"""


class Asked:
    """A server that gives the answers that it is told, and keeps what it was sent."""

    def __init__(self, listening: socket.socket) -> None:
        self.port: int = listening.getsockname()[1]
        self.answer: Callable[[], bytes] = lambda: OK
        self.requests: list[bytes] = []
        self._listening = listening
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = self._listening.accept()
                with connection:
                    self.requests.append(connection.recv(65536))
                    connection.sendall(self.answer())


@contextmanager
def server() -> Iterator[Asked]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield Asked(listening)


def phase_of(checks: HealthChecks, check: HealthCheck, one: Asked, *, healthy: bool, age: float = 60) -> ReplicaPhase:
    return checks.ask("one", check, "127.0.0.1", one.port, age=age, was_healthy=healthy).phase


def test_headers_of_the_probe_are_sent() -> None:
    with server() as one:
        check = HealthCheck(path="/ready", headers={"X-Probe": "yes", "Host": "model.example"})
        assert asked(check, "127.0.0.1", one.port).phase is ReplicaPhase.HEALTHY

        head = one.requests[0].decode()
        assert head.startswith("GET /ready HTTP/1.1\r\n")
        assert "X-Probe: yes\r\n" in head
        assert head.count("Host: ") == 1
        assert "Host: model.example\r\n" in head


def test_before_the_initial_delay_a_server_is_not_asked() -> None:
    with server() as one:
        checks, check = HealthChecks(), HealthCheck(initial_delay_seconds=30)
        assert phase_of(checks, check, one, healthy=False, age=29) is ReplicaPhase.STARTING
        assert one.requests == []
        assert phase_of(checks, check, one, healthy=False, age=31) is ReplicaPhase.HEALTHY


def test_a_healthy_server_is_asked_once_in_a_period_and_a_starting_one_at_every_look() -> None:
    with server() as one:
        checks, check = HealthChecks(), HealthCheck(period_seconds=600)
        for _ in range(3):
            assert phase_of(checks, check, one, healthy=False) is ReplicaPhase.HEALTHY
        for _ in range(3):
            assert phase_of(checks, check, one, healthy=True) is ReplicaPhase.HEALTHY
        assert len(one.requests) == 3


def test_a_healthy_server_may_fail_some_checks_in_a_row() -> None:
    with server() as one:
        checks, check = HealthChecks(), HealthCheck(failure_threshold=3)
        one.answer = lambda: NOT_READY
        assert phase_of(checks, check, one, healthy=False) is ReplicaPhase.LISTENING, "it was never healthy"
        one.answer = lambda: OK
        assert phase_of(checks, check, one, healthy=False) is ReplicaPhase.HEALTHY
        one.answer = lambda: NOT_READY
        seen = [phase_of(checks, check, one, healthy=True) for _ in range(3)]
        assert seen == [ReplicaPhase.HEALTHY, ReplicaPhase.HEALTHY, ReplicaPhase.LISTENING]


def test_a_port_is_open_when_somebody_waits_behind_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert is_port_open("127.0.0.1", port, 1.0)
        listening.accept()[0].close()  # the connection from above

        def hang_up() -> None:
            listening.accept()[0].close()

        hangs_up = threading.Thread(target=hang_up)  # as a proxy does which finds no server
        hangs_up.start()
        assert not is_port_open("127.0.0.1", port, 1.0)
        hangs_up.join(10)
    assert not is_port_open("127.0.0.1", port, 1.0)


def test_a_local_server_is_healthy_when_its_port_is_open(machine: Machine) -> None:
    machine.start_python(SILENT, health_check=HealthCheck(path=""))

    machine.until(ReplicaPhase.HEALTHY)


def test_a_local_server_is_asked_on_another_port_with_the_headers_of_its_probe(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    check = HealthCheck(path="/", port=port, headers={"X-Probe": "yes"})
    machine.start(PYTHON, "-I", "-S", "-c", METRICS, env={"METRICS": str(port)}, health_check=check)

    machine.until(ReplicaPhase.HEALTHY)


def test_a_local_server_is_not_asked_before_its_initial_delay(machine: Machine) -> None:
    check = HealthCheck(path="/", initial_delay_seconds=3600)
    machine.start_python(SILENT, health_check=check)
    port = machine.port()
    wait_until(lambda: is_port_open("127.0.0.1", port, 1.0), timeout=20, what="it listens")

    assert machine.seen(probe=True).phase is ReplicaPhase.STARTING
    assert render(machine.seen(probe=True).detail) == ""
