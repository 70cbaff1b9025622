"""How the local runtime asks servers for their health, and what it sees of those that are not healthy."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable

import pytest

from deployments.lifecycle import ReplicaPhase
from deployments.messages import render
from deployments.runtimes.health_probe import probe
from deployments.runtimes.local.sockets import exposed, misplaced
from tests.runtimes.machine import PYTHON, Machine
from tests.waiting import wait_until

BODY = b"x" * 300_000
ANSWERS = {
    "with its length": b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + BODY,
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n493e0\r\n" + BODY + b"\r\n0\r\n\r\n",
    "of a length that nobody knows": b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
    "that refuses": b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 300000\r\n\r\n" + BODY,
}
SERVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({status})
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

class Server(HTTPServer):
    address_family = {family}

port = int(os.environ["PORT"])
Server(({host!r}, {port}), Handler).serve_forever()
"""


def server(*, status: int = 200, host: str = "127.0.0.1", port: str = "port", family: int = socket.AF_INET) -> str:
    return SERVER.format(status=status, host=host, port=port, family=int(family))


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_health_answer_is_read_to_its_end_so_that_no_server_sees_a_reset(kind: str) -> None:
    ends: list[bytes | str] = []
    closed = threading.Event()

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(ANSWERS[kind])
                ends.append(connection.recv(1))
                closed.wait(10)
                if reset := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    ends.append(errno.errorcode[reset])
            except OSError as error:
                ends.append(type(error).__name__)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        health = probe("127.0.0.1", listening.getsockname()[1], "/health")
        closed.set()
        thread.join(10)

    assert ends == [b""]
    if kind == "that refuses":
        assert (health.phase, render(health.detail)) == (ReplicaPhase.LISTENING, "GET /health answered 401")
    else:
        assert (health.phase, render(health.detail)) == (ReplicaPhase.HEALTHY, "")


def test_a_server_that_accepts_and_says_nothing_is_told_of() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        health = probe("127.0.0.1", listening.getsockname()[1], "/")

    assert (health.phase, render(health.detail)) == (ReplicaPhase.LISTENING, "GET / was not answered within 1 s")


def wait_for_detail(machine: Machine, wanted: Callable[[str], bool], what: str) -> str:
    return wait_until(
        lambda: detail if wanted(detail := render(machine.seen(probe=True).detail)) else "", timeout=10, what=what
    )


def test_a_health_path_that_refuses_is_told_within_ten_seconds(machine: Machine) -> None:
    machine.start_python(server(status=401))

    assert wait_for_detail(machine, bool, "its answer is told") == "GET / answered 401"


def test_a_server_on_another_port_is_told_of_within_ten_seconds(machine: Machine) -> None:
    program = machine.programs / "server.py"
    program.write_text(server(port="0"))
    machine.start_script(f"{PYTHON} -I -S {program}; true")  # a child of the shell listens
    port = machine.port()

    detail = wait_for_detail(machine, bool, "its port is told")

    assert detail.startswith("listens on port ")
    assert detail.endswith(f" instead of {port}")


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_a_server_on_another_address_is_told_of_within_ten_seconds(machine: Machine) -> None:
    machine.start_python(server(host="::1", family=socket.AF_INET6))
    port = machine.port()

    assert wait_for_detail(machine, bool, "its address is told") == (
        f"listens on ::1 only, not on 127.0.0.1 (port {port})"
    )


def test_a_server_that_everybody_on_the_network_reaches_is_warned_of(machine: Machine) -> None:
    machine.start_python(server(host="0.0.0.0"))
    machine.until(ReplicaPhase.HEALTHY)
    port = machine.port()

    detail = wait_for_detail(machine, bool, "the warning is told")

    assert detail == (
        "open to everybody on the network past the token check: "
        f"it listens on 0.0.0.0:{port}; let it listen on 127.0.0.1"
    )


def test_a_server_on_loopback_is_not_warned_of(machine: Machine) -> None:
    machine.start()
    machine.until(ReplicaPhase.HEALTHY)

    assert machine.seen(probe=True).detail is None


def test_where_a_server_listens_is_said_in_few_words() -> None:
    assert misplaced([], "127.0.0.1", 20377) is None
    assert misplaced([("::", 20377)], "127.0.0.1", 20377) is None
    assert render(misplaced([("127.0.0.1", 8000), ("::1", 8000)], "127.0.0.1", 20377)) == (
        "listens on port 8000 instead of 20377"
    )
    assert exposed([("127.0.0.2", 1), ("::1", 1), ("::ffff:127.0.0.1", 2)]) is None
    assert "[::]:8001" in render(exposed([("::", 8001)]))
