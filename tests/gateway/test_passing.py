"""What passes through the gateway: streams, sockets, large uploads."""

from __future__ import annotations

import hashlib
import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from pytest_django.fixtures import Settings

from deployments.gateway import sync
from deployments.gateway.routing_table import RoutingTable
from deployments.serving_template import Retry
from tests.gateway.running import ID, Gateway, ModelServer, access_token, address, backend, error_of, routed
from tests.waiting import wait_until

MEGABYTE = b"\x5a" * 1_000_000


@pytest.fixture
def serving(gateway: Gateway, model_server: Callable[..., ModelServer]) -> Gateway:
    """One for each test, where its connections are counted or its routes changed."""
    sync.apply(routed(1, model_server("one").server()))
    return gateway


def test_events_arrive_when_they_are_sent(served: Gateway) -> None:
    with served.pool() as pool:
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {access_token()}"}
        answer = pool.urlopen("GET", address("/events"), headers=headers, preload_content=False)
        arrived = [(answer.read1(4096), time.monotonic() - began) for _ in range(3)]
    assert [text for text, _ in arrived] == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]
    assert arrived[0][1] < 0.4, "the first one waits for nobody"
    assert arrived[1][1] - arrived[0][1] > 0.3


def test_an_upload_of_100_megabytes_passes(serving: Gateway) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(100):
            yield MEGABYTE

    expected = hashlib.sha256()
    for part in parts():
        expected.update(part)
    before = _memory(serving)
    answer = serving.ask("/upload", method="POST", body=parts(), headers={"Content-Length": str(100 * len(MEGABYTE))})
    seen = answer.json()
    assert (seen["size"], seen["sha256"]) == (100 * len(MEGABYTE), expected.hexdigest())
    assert _memory(serving) - before < 20_000_000, "it is passed on, not kept"


@contextmanager
def web_socket(gateway: Gateway) -> Iterator[ssl.SSLSocket]:
    """Open a socket to the deployment that echoes."""
    lines = [
        f"GET {address('/socket')} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {access_token()}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    with gateway.connection() as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 101")
        yield connection


def echoed(connection: ssl.SSLSocket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(4096)


def test_a_socket_stays_open_through_a_reload(serving: Gateway, model_server: Callable[..., ModelServer]) -> None:
    with web_socket(serving) as connection:
        assert echoed(connection, b"before") == b"before"
        sync.apply(routed(2, model_server("two").server()))
        assert serving.ask().json()["server"] == "two"
        assert echoed(connection, b"after") == b"after"
        assert sync.in_flight(ID, 1) == 1
    wait_until(lambda: sync.in_flight(ID, 1) == 0, what="the socket is closed")


def test_a_stream_and_a_socket_outlive_sixty_reloads(
    gateway: Gateway, model_server: Callable[..., ModelServer]
) -> None:
    untouched = backend(1, model_server("one").server())
    sync.apply(RoutingTable(backends=(untouched,), routes={ID: 1}))
    headers = {"Authorization": f"Bearer {access_token()}"}
    with web_socket(gateway) as connection, gateway.pool() as pool:
        stream = pool.urlopen("GET", address("/ticks"), headers=headers, preload_content=False)
        _, worker = gateway.processes()
        arrived = b""
        for number in range(60):
            other = replace(untouched, deployment_id=f"d{number:015x}")
            sync.apply(RoutingTable(backends=(untouched, other), routes={ID: 1}))  # a new backend needs a reload
            arrived += stream.read1()
        assert worker in gateway.processes()
        assert echoed(connection, b"after") == b"after"
        numbers = [int(event.removeprefix(b"data: ")) for event in arrived.split(b"\n\n")[:-1]]
        assert numbers == list(range(len(numbers)))
        stream.close()


def test_requests_that_are_open_are_counted(serving: Gateway) -> None:
    assert sync.in_flight(ID, 1) == 0
    with serving.connection() as connection:
        request = f"GET {address('/slow')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {access_token()}\r\n\r\n"
        connection.sendall(request.encode())
        wait_until(lambda: sync.in_flight(ID, 1) == 1, what="the request is counted")
        assert b"200 OK" in connection.recv(65536)
        wait_until(lambda: sync.in_flight(ID, 1) == 0, what="it is answered")


def test_an_idle_connection_from_before_a_reload_counts_until_it_can_do_no_harm(
    serving: Gateway, model_server: Callable[..., ModelServer]
) -> None:
    two = model_server("two")
    one = sync.in_flight(ID, 1)
    assert one == 0
    with serving.pool() as pool:
        headers = {"Authorization": f"Bearer {access_token()}"}
        first = pool.urlopen("GET", address(), headers=headers).json()["server"]
        sync.apply(routed(2, two.server()))
        assert sync.in_flight(ID, 1) == 1, "its next request goes to generation 1"
        answer = pool.urlopen("GET", address(), headers=headers)
        assert (first, answer.json()["server"]) == ("one", "one")
        wait_until(lambda: sync.in_flight(ID, 1) == 0, what="the old worker has ended")
        assert pool.urlopen("GET", address(), headers=headers).json()["server"] == "two"


def test_http_2_is_offered(served: Gateway) -> None:
    with served.connection() as connection:
        assert connection.selected_alpn_protocol() is None
    assert "h2,http/1.1" in (served.home / "gateway" / "haproxy.cfg").read_text()


def test_metrics_carry_the_deployment(serving: Gateway) -> None:
    serving.ask()
    assert f'haproxy_backend_http_responses_total{{proxy="{ID}-g1",code="2xx"}} 1' in sync.metrics()


@pytest.mark.parametrize(
    ("retry", "method", "statuses"),
    [
        (Retry.SAFE, "GET", [200, 200]),
        (Retry.SAFE, "PUT", [200, 200]),
        (Retry.SAFE, "POST", [200, 502]),
        (Retry.ALL, "POST", [200, 200]),
        (Retry.NONE, "GET", [200, 502]),
        (Retry.NONE, "POST", [200, 502]),
    ],
)
def test_a_request_whose_server_dies_is_repeated_when_that_is_safe_or_the_template_says_so(
    gateway: Gateway, model_server: Callable[..., ModelServer], retry: Retry, method: str, statuses: list[int]
) -> None:
    one, two = model_server("one"), model_server("two")
    only = backend(1, one.server(), two.server(), retry=retry)
    sync.apply(RoutingTable(backends=(only,), routes={ID: 1}))
    (one.folder / "die").touch()
    body = None if method == "GET" else b"x"
    answers = [gateway.ask("/die-once", method=method, body=body) for _ in range(2)]
    assert sorted(answer.status for answer in answers) == statuses
    for answer in answers:
        if answer.status != 200:
            assert "broke off" in error_of(answer)["message"]
    assert {gateway.ask(method="POST", body=b"x").status for _ in range(6)} == {200}, "never sent, so sent elsewhere"


@pytest.mark.parametrize(("retry", "method", "count"), [("safe", "POST", 1), ("safe", "GET", 2), ("on", "POST", 2)])
def test_a_request_that_ends_every_server_runs_on_one_or_is_repeated_once(
    gateway: Gateway, model_server: Callable[..., ModelServer], retry: str, method: str, count: int
) -> None:
    servers = [model_server(name) for name in ("one", "two", "three")]
    only = backend(1, *(server.server() for server in servers), retry=Retry(retry))
    sync.apply(RoutingTable(backends=(only,), routes={ID: 1}))
    headers = {"Authorization": f"Bearer {access_token()}"}
    with gateway.pool() as pool:  # the connection that is used has been used before
        assert (
            pool.urlopen(method, address("/"), body=b"x" if method == "POST" else None, headers=headers).status == 200
        )
        answer = pool.urlopen(method, address("/die"), body=b"x" if method == "POST" else None, headers=headers)
    assert (answer.status, error_of(answer)["code"]) == (502, "BadAnswer")
    assert len(list(servers[0].folder.glob("ran-*"))) == count


def test_the_only_server_that_breaks_off_is_no_missing_server(
    gateway: Gateway, model_server: Callable[..., ModelServer]
) -> None:
    sync.apply(routed(1, model_server("one").server()))
    answer = gateway.ask("/die")
    assert (answer.status, error_of(answer)["code"]) == (502, "BadAnswer")


@pytest.mark.parametrize("retry", list(Retry))
def test_a_streamed_body_arrives_as_it_is_sent(
    gateway: Gateway, model_server: Callable[..., ModelServer], retry: Retry
) -> None:
    only = backend(1, model_server("one").server(), model_server("two").server(), retry=retry)
    sync.apply(RoutingTable(backends=(only,), routes={ID: 1}))
    head = f"POST {address('/parts')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {access_token()}\r\n"
    with gateway.connection() as connection:
        connection.settimeout(1)
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for size in (3, 5):
            connection.sendall(f"{size}\r\n{'x' * size}\r\n".encode())
            seen = b""
            while not seen.rstrip().endswith(str(size).encode()):
                seen += connection.recv(4096)


def test_a_slow_body_of_known_length_is_not_held_until_it_is_here(serving: Gateway) -> None:
    head = f"PUT {address('/slow-body')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {access_token()}\r\n"
    with serving.connection() as connection:
        connection.sendall(f"{head}Content-Length: 2\r\n\r\n".encode())
        wait_until(lambda: sync.in_flight(ID, 1) == 1, timeout=1, what="the server has it")
        connection.sendall(b"xy")
        assert b"200 OK" in connection.recv(65536)


def test_a_client_that_goes_away_is_noticed_by_the_server(
    gateway: Gateway, model_server: Callable[..., ModelServer]
) -> None:
    one = model_server("one")
    sync.apply(routed(1, one.server()))
    with gateway.connection() as connection:
        request = f"GET {address('/patient')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {access_token()}\r\n\r\n"
        connection.sendall(request.encode())
        wait_until((one.folder / "waits").exists, what="the server has the request")
    wait_until((one.folder / "gone").exists, timeout=1, what="the server sees that its client has gone")


@pytest.mark.parametrize(("count", "size"), [(63, 1000), (1, 64_000)])
def test_heads_of_64_kilobytes_pass(served: Gateway, count: int, size: int) -> None:
    given = {f"X-{number}": "v" * size for number in range(count)}
    answer = served.ask(headers={"X-Answer": json.dumps(given)})
    assert answer.status == 200
    assert {name: answer.headers[name] for name in given} == given
    assert len(answer.data) > 63_000, "the head of the request was as long, and is in the answer"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/login?next=/a,b", "{below}/login?next=/a,b"),
        ("/", "{below}/"),
        ("http://localhost:{own}/docs/", "{below}/docs/"),
        ("http://127.0.0.1:{port}/docs/", "{below}/docs/"),
        ("http://localhost:{port}", "{below}/"),
        ("http://0.0.0.0:{port}/x", "{below}/x"),
        ("{below}/docs", "{below}/docs"),
        ("https://localhost:{own}{below}/docs", "{below}/docs"),
        ("docs/", "docs/"),
        ("https://elsewhere.example/x", "https://elsewhere.example/x"),
        ("http://localhost:1/x", "http://localhost:1/x"),
        ("//elsewhere.example/x", "//elsewhere.example/x"),
    ],
)
def test_a_redirection_leads_to_where_its_server_is(
    served: Gateway, server: ModelServer, settings: Settings, given: str, expected: str
) -> None:
    names = {"own": settings.LAUNCHPAD_GATEWAY_PORT, "port": server.port, "below": address("")}
    answer = served.ask(headers={"X-Answer": json.dumps({"status": 307, "Location": given.format(**names)})})
    assert answer.headers["Location"] == expected.format(**names)


def _memory(gateway: Gateway) -> int:
    return sum(process.memory_full_info().pss for process in gateway.processes())
