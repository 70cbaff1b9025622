"""Clients that are slow, silent or wrong stop nothing for anybody else, and are told what they did in JSON."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from django.test import override_settings
from pytest_django.fixtures import Settings

from deployments.gateway import sync
from launchpad.home import BASE_DIR
from tests.gateway.running import (
    ID,
    Gateway,
    ModelServer,
    access_token,
    address,
    error_of,
    new_home,
    routed,
    running_gateway,
)
from tests.waiting import wait_until


@pytest.fixture
def served(gateway: Gateway, model_server: Callable[..., ModelServer]) -> Gateway:
    sync.apply(routed(1, model_server("one").server()))
    return gateway


@pytest.fixture(scope="module")
def web() -> Iterator[Gateway]:
    """A gateway with the real web server behind it, the same for all tests: they have to leave it answering."""
    command = [sys.executable, "-m", "gunicorn", "-c", "python:launchpad.web_server", "launchpad.wsgi"]
    with new_home() as values, override_settings(**values), running_gateway() as gateway:
        env = {**os.environ, "LAUNCHPAD_HOME": str(gateway.home)}
        with subprocess.Popen(command, cwd=BASE_DIR, env=env, stdout=gateway.log, stderr=gateway.log) as process:
            try:
                wait_until(lambda: _status(gateway, "/robots.txt") != 503, timeout=30, what="the web server answers")
                yield gateway
            finally:
                process.terminate()


def _status(gateway: Gateway, path: str) -> int:
    with gateway.plain_pool() as pool:
        return pool.urlopen("GET", path, redirect=False).status


def test_silent_connections_to_the_tls_port_stop_nobody(served: Gateway, settings: Settings) -> None:
    with ExitStack() as kept:
        for _ in range(2100):
            kept.enter_context(socket.create_connection(("127.0.0.1", settings.LAUNCHPAD_GATEWAY_PORT), timeout=10))
        assert served.ask().status == 200


def test_a_connection_that_says_nothing_is_closed(served: Gateway, settings: Settings) -> None:
    """After 10 s, whether it is silent without or after a handshake."""
    with ExitStack() as kept:
        plain = kept.enter_context(socket.create_connection(("127.0.0.1", settings.LAUNCHPAD_PORT), timeout=10))
        encrypted = kept.enter_context(served.connection())
        for connection in (plain, encrypted):
            connection.settimeout(15)
            connection.recv(1)


def test_a_handshake_has_an_end_and_a_slow_answer_has_its_time(
    gateway: Gateway, model_server: Callable[..., ModelServer], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.gateway.haproxy.config.CLIENT_SECONDS", 1)
    sync.apply(routed(1, model_server("one").server()))
    with ThreadPoolExecutor(1) as client, ExitStack() as kept:
        streamed = client.submit(gateway.ask, "/events")
        for begun in (b"", b"\x16\x03\x01"):
            silent = socket.create_connection(("127.0.0.1", settings.LAUNCHPAD_GATEWAY_PORT), timeout=5)
            kept.enter_context(silent).sendall(begun)
            assert silent.recv(1) == b""
        assert streamed.result().data.endswith(b"data: 2\n\n"), "it took 1.5 s"


@pytest.mark.parametrize("body", [b"", b"a=1", b"x" * 90_000])
def test_half_requests_to_the_pages_stop_nobody(web: Gateway, settings: Settings, body: bytes) -> None:
    head = b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\n"
    if body:
        head += b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\n" + body
    with ExitStack() as kept:
        for _ in range(40):
            half = kept.enter_context(socket.create_connection(("127.0.0.1", settings.LAUNCHPAD_PORT), timeout=10))
            half.sendall(head)
        assert 503 not in {_status(web, "/robots.txt") for _ in range(10)}


def test_a_refused_upload_that_does_not_go_on_holds_up_no_page(web: Gateway, settings: Settings) -> None:
    head = b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    with ExitStack() as kept:
        uploads = [
            kept.enter_context(socket.create_connection(("127.0.0.1", settings.LAUNCHPAD_PORT), timeout=30))
            for _ in range(2)  # as many as get to the web server at a time
        ]
        for upload in uploads:
            upload.sendall(head)
        for upload in uploads:
            assert upload.recv(9) == b"HTTP/1.1 ", "it is answered before it is here"
            began = time.monotonic()
            assert _status(web, "/robots.txt") != 503
            assert time.monotonic() - began < 1


def test_no_address_takes_all_connections(
    gateway: Gateway, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.gateway.endpoint.MAX_CONNECTIONS", 100)
    sync.apply(routed(1))
    with ExitStack() as kept:
        for _ in range(60):
            with suppress(ConnectionResetError):  # those above two fifths of all
                kept.enter_context(socket.create_connection(("127.0.0.1", settings.LAUNCHPAD_PORT), timeout=10))
        elsewhere = socket.create_connection(
            ("127.0.0.1", settings.LAUNCHPAD_PORT), timeout=10, source_address=("127.0.0.2", 0)
        )
        with kept.enter_context(elsewhere):
            elsewhere.sendall(b"GET /v2/lm/meta HTTP/1.0\r\nHost: localhost\r\n\r\n")
            assert elsewhere.recv(100).startswith(b"HTTP/1.1 503"), "it is answered"


def test_one_deployment_does_not_take_all_requests(
    gateway: Gateway, model_server: Callable[..., ModelServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.gateway.endpoint.MAX_CONNECTIONS", 100)
    sync.apply(routed(1, model_server("one").server()))
    head = f"GET {address('/patient')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {access_token()}\r\n\r\n"
    with ExitStack() as kept:
        for _ in range(20):  # a fifth of all
            kept.enter_context(gateway.connection()).sendall(head.encode())
        wait_until(lambda: sync.in_flight(ID, 1) == 20, what="all are open")
        answer = gateway.ask()
        assert (answer.status, error_of(answer)["code"]) == (429, "TooManyRequests")
    wait_until(lambda: gateway.ask().status == 200, timeout=5, what="it answers again")


@pytest.mark.parametrize(
    "request_line",
    [
        f"GET /v2/lm/deployments?x={'y' * 9000} HTTP/1.1\r\nHost: localhost\r\n",
        f"GET /v2/lm/deployments HTTP/1.1\r\nHost: localhost\r\nX-Long: {'y' * 9000}\r\n",
    ],
)
def test_what_the_web_server_cannot_parse_is_told_in_json(web: Gateway, settings: Settings, request_line: str) -> None:
    with socket.create_connection(("127.0.0.1", settings.LAUNCHPAD_PORT), timeout=10) as connection:
        connection.sendall(f"{request_line}Connection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] in {b"400", b"414", b"431"}
    assert b"application/json" in head.lower()
    assert set(json.loads(body)["error"]) >= {"code", "message"}
