"""Health checks are polite to servers, and are made whatever clients do."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from pytest_django.fixtures import Settings

from deployments.gateway import sync
from deployments.gateway.routing_table import RoutingTable, Server
from tests.gateway.running import Gateway, routed
from tests.waiting import wait_until

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
ANSWERS = {
    "whole": [HEAD + b"Content-Length: 2\r\n\r\nok"],
    "empty": [HEAD + b"Content-Length: 0\r\n\r\n"],
    "without content": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "in pieces": [HEAD + b"Content-Length: 9\r\n\r\n", b"one", b"two", b"six"],
    "chunked": [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n"],
    "of unknown length": [HEAD.replace(b"1.1", b"1.0") + b"\r\n", b"one", b"two"],
}


class HealthServer:
    """Answers health checks with pauses, and notes how each connection ended.

    Args:
        parts: of an answer.
        closes: whether it closes after an answer, as it is asked to.
    """

    def __init__(self, parts: list[bytes], *, closes: bool) -> None:
        self.parts, self.closes = parts, closes
        self.ends: list[str] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):  # it has been closed
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        pause = threading.Event()
        with connection:
            try:
                assert connection.recv(65536).endswith(b"\r\n\r\n")
                for part in self.parts:
                    connection.sendall(part)
                    pause.wait(0.05)
                if self.closes:
                    connection.shutdown(socket.SHUT_WR)
                self.ends.append("closed" if connection.recv(65536) == b"" else "asked again")
            except OSError as error:
                self.ends.append(repr(error))


@pytest.fixture
def health_servers() -> Iterator[dict[str, HealthServer]]:
    """One of each kind."""
    made = {name: HealthServer(parts, closes=True) for name, parts in ANSWERS.items()}
    endless = "of unknown length"  # nobody would know where it ends
    stay_open = {f"{name}, stays open": parts for name, parts in ANSWERS.items() if name != endless}
    made |= {name: HealthServer(parts, closes=False) for name, parts in stay_open.items()}
    yield made
    for one in made.values():
        one.close()


def _table(servers: dict[str, HealthServer]) -> RoutingTable:
    ports = enumerate(one.port for one in servers.values())
    return routed(1, *(Server(name=f"r{number}", host="127.0.0.1", port=port) for number, port in ports))


def test_a_check_waits_for_the_whole_answer_and_closes_without_a_reset(
    gateway: Gateway, health_servers: dict[str, HealthServer]
) -> None:
    sync.apply(_table(health_servers))
    wait_until(lambda: all(len(one.ends) >= 2 for one in health_servers.values()), what="all are checked twice")
    assert {name: set(one.ends) for name, one in health_servers.items() if set(one.ends) != {"closed"}} == {}
    assert sync.replicas_down() == frozenset()


def test_checks_go_on_while_clients_take_all_connections(
    gateway: Gateway, settings: Settings, monkeypatch: pytest.MonkeyPatch, health_servers: dict[str, HealthServer]
) -> None:
    monkeypatch.setattr("deployments.gateway.endpoint.MAX_CONNECTIONS", 100)
    sync.apply(_table(health_servers))
    with ExitStack() as kept:
        for number in range(160):
            source = (f"127.0.0.{2 + number % 4}", 0)
            kept.enter_context(
                socket.create_connection(("127.0.0.1", settings.LAUNCHPAD_PORT), timeout=10, source_address=source)
            )
        before = {name: len(one.ends) for name, one in health_servers.items()}
        wait_until(
            lambda: all(len(one.ends) >= before[name] + 2 for name, one in health_servers.items()),
            what="all are checked twice",
        )
        assert sync.replicas_down() == frozenset()


def test_each_configuration_has_a_socket_for_checks_of_its_own(gateway: Gateway) -> None:
    """The worker from before a reload, which does not know new servers, must not get checks of the one after it."""
    unknown = Server(name="r0", host="", port=0)
    seen = set()
    for number in range(4):
        sync.apply(routed(number, unknown))
        text = (gateway.home / "gateway" / "haproxy.cfg").read_text()
        seen |= set(re.findall(r"unix@(\S*/checks\S*)", text))
        assert len(seen) == number + 1
    assert len(list((gateway.home / "run").glob("checks*"))) == 2, "and those of long ago are removed"
