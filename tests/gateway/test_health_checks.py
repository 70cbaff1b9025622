"""Health checks are polite to servers, and are made whatever clients do."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from pytest_django.fixtures import Settings

from deployments.gateway import stored_files, sync
from deployments.gateway.endpoint import gateway_address, gateway_config
from deployments.gateway.routing_table import RoutingTable, Server
from deployments.serving_template import HealthCheck
from tests.gateway.running import ID, Gateway, backend, routed
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


CHECKED = {"X-Probe": 'a\'b "c" %[env(HOME)] \\d | e', "Host": "model.example"}


class Heard(HealthServer):
    """Answers health checks, and keeps what they send."""

    def __init__(self) -> None:
        super().__init__(ANSWERS["whole"], closes=True)
        self.requests: list[bytes] = []

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = connection.recv(65536)
            self.requests.append(request)
            if request:
                connection.sendall(self.parts[0])


def _checked(one: HealthServer, check: HealthCheck) -> RoutingTable:
    server = Server(name="r0", host="127.0.0.1", port=one.port)
    return RoutingTable(
        backends=(backend(1, server, health_check=check, health_path=check.path or "/"),), routes={ID: 1}
    )


def test_headers_of_a_readiness_probe_are_sent_as_they_are(gateway: Gateway) -> None:
    one = Heard()
    sync.apply(_checked(one, HealthCheck(path="/ready", headers=CHECKED, period_seconds=3, failure_threshold=4)))
    wait_until(lambda: one.requests, what="it is asked")
    request = one.requests[0].decode()

    assert request.startswith("GET /ready HTTP/1.1\r\n")
    values = [line.partition(": ") for line in request.split("\r\n")[1:] if line]
    assert [value for name, _, value in values if name.lower() == "x-probe"] == [CHECKED["X-Probe"]]
    assert [value for name, _, value in values if name.lower() == "host"] == ["model.example"]
    assert sync.replicas_down() == frozenset()
    assert "    default-server inter 3s fall 4\n" in (gateway.home / "gateway" / "haproxy.cfg").read_text()
    one.close()


@pytest.mark.parametrize("check", [HealthCheck(path=""), HealthCheck(path="/ready", port=9)])
def test_a_server_whose_port_is_open_is_up_whatever_its_paths_answer(gateway: Gateway, check: HealthCheck) -> None:
    one = Heard()
    one.parts = [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]
    sync.apply(_checked(one, check))
    wait_until(lambda: len(one.requests) >= 2, what="it is checked twice")

    assert set(one.requests) == {b""}, "it is connected to, and nothing is sent"
    assert sync.replicas_down() == frozenset()
    one.close()
    wait_until(lambda: sync.replicas_down(), what="it is seen down when its port is closed")


def test_every_answer_of_the_server_itself_proves_it_where_nobody_knows_a_path(gateway: Gateway) -> None:
    one = Heard()
    one.parts = [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nX-Launchpad-Backend: mine\r\n\r\n"]
    sync.apply(_checked(one, HealthCheck(path="")))

    assert sync.send_probe(ID, 1, path="/", any_answer=True, timeout=5).ok
    assert not sync.send_probe(ID, 1, path="/", timeout=5).ok
    of_gateway = sync.send_probe(ID, 7, path="/", any_answer=True, timeout=5)
    assert (of_gateway.ok, of_gateway.status) == (False, 503)
    one.parts = [b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n"]
    assert not sync.send_probe(ID, 1, path="/", any_answer=True, timeout=5).ok
    one.close()
    assert not sync.send_probe(ID, 1, path="/", any_answer=True, timeout=5).ok


def test_a_stored_table_of_an_older_version_has_no_health_checks(gateway: Gateway) -> None:
    one = Heard()
    sync.apply(_checked(one, HealthCheck(path="/ready", failure_threshold=3)))
    path = gateway.home / "gateway" / "table.json"
    content = json.loads(path.read_text())
    assert content["backends"][0].pop("health_check")["failure_threshold"] == 3
    path.write_text(json.dumps(content))

    stored = stored_files.stored(gateway_address(), gateway_config())
    assert stored is not None
    assert stored[0].backends[0].health_check is None
    one.close()
