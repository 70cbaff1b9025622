"""What passes through the gateway: streams, sockets, large uploads."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator

import pytest

from deployments.gateway import sync
from deployments.gateway.table import Table
from tests.gateway.running import ID, Gateway, ModelServer, access_token, address, backend, routed
from tests.waiting import wait_until

MEGABYTE = b"\x5a" * 1_000_000


@pytest.fixture
def served(gateway: Gateway, model_server: Callable[..., ModelServer]) -> Gateway:
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


def test_an_upload_of_100_megabytes_passes(served: Gateway) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(100):
            yield MEGABYTE

    expected = hashlib.sha256()
    for part in parts():
        expected.update(part)
    before = _memory(served)
    answer = served.ask("/upload", method="POST", body=parts(), headers={"Content-Length": str(100 * len(MEGABYTE))})
    seen = answer.json()
    assert (seen["size"], seen["sha256"]) == (100 * len(MEGABYTE), expected.hexdigest())
    assert _memory(served) - before < 20_000_000, "it is passed on, not kept"


def test_a_socket_stays_open_through_a_reload(served: Gateway, model_server: Callable[..., ModelServer]) -> None:
    lines = [
        f"GET {address('/socket')} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {access_token()}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    with served.connection() as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 101")
        connection.sendall(b"before")
        assert connection.recv(4096) == b"before"
        sync.apply(routed(2, model_server("two").server()))
        assert served.ask().json()["server"] == "two"
        connection.sendall(b"after")
        assert connection.recv(4096) == b"after"
        assert sync.in_flight(ID, 1) == 1
    wait_until(lambda: sync.in_flight(ID, 1) == 0, what="the socket is closed")


def test_requests_that_are_open_are_counted(served: Gateway) -> None:
    assert sync.in_flight(ID, 1) == 0
    with served.connection() as connection:
        request = f"GET {address('/slow')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {access_token()}\r\n\r\n"
        connection.sendall(request.encode())
        wait_until(lambda: sync.in_flight(ID, 1) == 1, what="the request is counted")
        assert b"200 OK" in connection.recv(65536)
        wait_until(lambda: sync.in_flight(ID, 1) == 0, what="it is answered")


def test_an_idle_connection_from_before_a_reload_counts_until_it_can_do_no_harm(
    served: Gateway, model_server: Callable[..., ModelServer]
) -> None:
    two = model_server("two")
    one = sync.in_flight(ID, 1)
    assert one == 0
    with served.pool() as pool:
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


def test_metrics_carry_the_deployment(served: Gateway) -> None:
    served.ask()
    assert f'haproxy_backend_http_responses_total{{proxy="{ID}-g1",code="2xx"}} 1' in sync.metrics()


@pytest.mark.parametrize(("retry", "statuses"), [(True, [200, 200]), (False, [200, 502])])
def test_a_request_whose_server_dies_is_repeated_unless_the_template_opts_out(
    gateway: Gateway, model_server: Callable[..., ModelServer], retry: bool, statuses: list[int]
) -> None:
    one, two = model_server("one"), model_server("two")
    only = backend(1, one.server(), two.server(), retry=retry)
    sync.apply(Table(backends=(only,), routes={ID: 1}))
    (one.folder / "die").touch()
    answers = [gateway.ask("/die-once", method="POST", body=b"x").status for _ in range(2)]
    assert sorted(answers) == statuses
    assert {gateway.ask(method="POST", body=b"x").status for _ in range(6)} == {200}, "never sent, so sent elsewhere"


def _memory(gateway: Gateway) -> int:
    return sum(process.memory_full_info().pss for process in gateway.processes())
