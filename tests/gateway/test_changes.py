"""Changes while requests are under way: none of them may fail, and whatever is interrupted is made up for."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from deployments.errors import GatewayRejected, GatewayUnavailable
from deployments.gateway import sync
from deployments.gateway.routing_table import RoutingTable, Server
from deployments.serving_template import Retry
from tests.gateway.running import GROUP, ID, Gateway, ModelServer, access_token, backend, routed, traffic
from tests.waiting import wait_until

Make = Callable[..., ModelServer]


def test_an_update_under_load_fails_no_request(gateway: Gateway, model_server: Make) -> None:
    old, new = model_server("old"), model_server("new")
    first, second = backend(1, old.server()), backend(2, new.server())
    sync.apply(routed(1, old.server()))
    with traffic(gateway) as seen:
        sync.apply(RoutingTable(backends=(first, second), routes={ID: 1}))
        assert sync.send_probe(ID, 2, method="GET", path="/health", body=None, headers={}, timeout=5).ok
        assert "new" not in seen.answered
        sync.apply(RoutingTable(backends=(first, second), routes={ID: 2}))
        wait_until(lambda: seen.answered.get("new", 0) > 100, what="traffic has moved")
        wait_until(lambda: sync.in_flight(ID, 1) == 0, timeout=20, what="generation 1 is drained")
        old.kill()
        sync.apply(RoutingTable(backends=(second,), routes={ID: 2}))
        count = seen.total
        wait_until(lambda: seen.total > count + 100, what="traffic flows on")
    assert seen.failures == []


def test_reloads_under_load_fail_no_request(gateway: Gateway, model_server: Make) -> None:
    one = model_server("one")
    served = backend(1, one.server())
    sync.apply(routed(1, one.server()))
    with traffic(gateway) as seen:
        for number in range(10):
            other = replace(served, deployment_id=f"d{number:015x}")
            sync.apply(RoutingTable(backends=(served, other), routes={ID: 1}))
            count = seen.total
            wait_until(lambda count=count: seen.total > count + 10, what="traffic flows")  # type: ignore[misc]
    assert seen.failures == []


def test_the_death_of_one_of_two_servers_fails_no_request(gateway: Gateway, model_server: Make) -> None:
    one, two = model_server("one"), model_server("two")
    repeatable = backend(1, one.server(), two.server(), retry=Retry.ALL)  # POST requests, too
    sync.apply(RoutingTable(backends=(repeatable,), routes={ID: 1}))
    with traffic(gateway) as seen:
        wait_until(lambda: len(seen.answered) == 2, what="both answer")
        one.kill()
        count = seen.total
        wait_until(lambda: seen.total > count + 200, what="traffic flows on")
    assert seen.failures == []


def test_a_server_that_starts_again_elsewhere_gets_no_request_before_it_is_healthy(
    gateway: Gateway, model_server: Make
) -> None:
    one, two = model_server("one"), model_server("two")
    sync.apply(routed(1, one.server(), two.server()))
    with traffic(gateway) as seen:
        two.kill()
        sick = two.folder / "two-again"
        sick.touch()
        again = model_server("two-again")
        sync.apply(routed(1, one.server(), again.server("two")))
        other = backend(1, one.server(), deployment_id="dffffffffffffffff")
        both = routed(1, one.server(), again.server("two")).backends
        sync.apply(RoutingTable(backends=(*both, other), routes={ID: 1}))  # by a reload, too
        count = seen.total
        wait_until(lambda: seen.total > count + 100, what="traffic flows on")
        assert "two-again" not in seen.answered
        sick.unlink()
        wait_until(lambda: "two-again" in seen.answered, timeout=5, what="the healthy server gets requests")
    assert seen.unexpected == []


def test_a_new_address_needs_no_reload(gateway: Gateway, model_server: Make) -> None:
    one, two = model_server("one"), model_server("two")
    sync.apply(routed(1, Server(name="r0", host="", port=0)))
    assert gateway.ask().status == 503
    workers = gateway.processes()
    sync.apply(routed(1, one.server("r0")))
    wait_until(lambda: gateway.ask().status == 200, timeout=3, what="the first address is used")
    sync.apply(routed(1, two.server("r0")))
    assert gateway.ask().json()["server"] == "two"
    assert gateway.processes() == workers


def test_a_server_gets_traffic_at_once_when_it_becomes_healthy(gateway: Gateway, model_server: Make) -> None:
    one = model_server("one")
    (one.folder / "one").touch()
    sync.apply(routed(1, one.server()))
    wait_until(lambda: gateway.ask("/").status == 503, timeout=5, what="the sick server is noticed")
    (one.folder / "one").unlink()
    wait_until(lambda: gateway.ask("/").status == 200, timeout=0.6, what="it is used again", pause=0.01)


def test_a_killed_gateway_comes_back_with_its_routes(gateway: Gateway, model_server: Make) -> None:
    one, two = model_server("one"), model_server("two")
    sync.apply(routed(1, one.server("r0")))
    sync.apply(replace(routed(1, two.server("r0")), revoked=frozenset({"key-9"})))
    gateway.kill()
    assert not sync.is_alive()
    assert sync.in_flight(ID, 1) is None
    gateway.start()
    assert gateway.ask().json()["server"] == "two"
    assert gateway.ask(token=access_token(client_id="key-9")).status == 401


def test_the_workers_do_not_outlive_their_master(gateway: Gateway, model_server: Make) -> None:
    """A worker with old routes that still listens would answer half of the requests."""
    sync.apply(routed(1, model_server("one").server()))
    gateway.kill(workers=False)
    gateway.start()
    assert gateway.ask().status == 200


def test_what_changes_while_the_gateway_is_down_is_there_when_it_is_back(gateway: Gateway, model_server: Make) -> None:
    one, two = model_server("one"), model_server("two")
    sync.apply(routed(1, one.server()))
    gateway.kill()
    with pytest.raises(GatewayUnavailable, match="does not run"):
        sync.apply(routed(2, two.server()))
    gateway.start()
    assert gateway.ask().json()["server"] == "two"


def test_a_half_made_change_is_made_again(gateway: Gateway, model_server: Make) -> None:
    one, two = model_server("one"), model_server("two")
    backends = (backend(1, one.server()), backend(2, two.server()))
    sync.apply(RoutingTable(backends=backends, routes={ID: 1}))
    folder = gateway.home / "gateway"
    stored = json.loads((folder / "table.json").read_text())
    (folder / "table.json").write_text(json.dumps({**stored, "routes": {ID: 2}}))  # written, and then cut off
    (folder / "state.map").write_text("")
    sync.apply(RoutingTable(backends=backends, routes={ID: 2}))
    assert gateway.ask().json()["server"] == "two"
    (folder / "routes.map").write_text("")
    gateway.kill()
    (folder / "state.map").write_text("")
    gateway.start()
    assert gateway.ask().json()["server"] == "two"


def test_many_callers_at_once_end_with_the_newest_table(gateway: Gateway, model_server: Make) -> None:
    one = model_server("one")
    tables = [
        RoutingTable(
            backends=tuple(backend(1, one.server(), deployment_id=f"d{other:015x}") for other in range(number + 1)),
            routes={f"d{other:015x}": 1 for other in range(number + 1)},
        )
        for number in range(16)
    ]
    problems: list[BaseException] = []

    def apply(table: RoutingTable) -> None:
        try:
            sync.apply(table)
        except BaseException as error:  # noqa: BLE001  shown by the test
            problems.append(error)

    callers = [threading.Thread(target=apply, args=(table,)) for table in reversed(tables)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert problems == []
    assert gateway.ask(deployment_id=f"d{15:015x}").status == 200


def test_an_older_table_changes_nothing(gateway: Gateway, model_server: Make) -> None:
    one, two = model_server("one"), model_server("two")
    older, newer = routed(1, one.server()), routed(2, two.server())
    sync.apply(newer)
    sync.apply(older)
    assert gateway.ask().json()["server"] == "two"


@pytest.mark.parametrize(
    "bad",
    [
        backend(1, Server(name="r0", host="127.0.0.1\nglobal", port=80), deployment_id="dffffffffffffffff"),
        backend(1, Server(name="r0", host="127.0.0.1", port=80), deployment_id="d1\nbackend x"),
        backend(1, Server(name="r0", host="127.0.0.1", port=80), resource_group="a b", deployment_id="d1"),
        backend(1, Server(name="r0", host="127.0.0.1", port=99999), deployment_id="d1"),
        backend(1, deployment_id="inference" * 40),
    ],
)
def test_a_bad_table_never_breaks_a_running_gateway(gateway: Gateway, model_server: Make, bad: object) -> None:
    served = routed(1, model_server("one").server())
    sync.apply(served)
    with pytest.raises(GatewayRejected):
        sync.apply(RoutingTable(backends=(*served.backends, bad), routes=served.routes))  # type: ignore[arg-type]
    assert gateway.ask().status == 200
    gateway.kill()
    gateway.start()
    assert gateway.ask().status == 200


def test_a_configuration_that_haproxy_refuses_never_reaches_the_running_one(
    gateway: Gateway, model_server: Make
) -> None:
    served = routed(1, model_server("one").server())
    sync.apply(served)
    more = backend(1, Server(name="r0", host="127.0.0.1", port=80), deployment_id="dffffffffffffffff")
    certificate = gateway.home / "tls" / "gateway.pem"
    content = certificate.read_bytes()
    certificate.write_text("no certificate")
    with pytest.raises(GatewayRejected, match="HAProxy refuses"):
        sync.apply(RoutingTable(backends=(*served.backends, more), routes=served.routes))
    assert "dffffffffffffffff" not in (gateway.home / "gateway" / "haproxy.cfg").read_text()
    certificate.write_bytes(content)
    gateway.kill()
    gateway.start()
    assert gateway.ask().status == 200


def test_an_odd_health_path_is_no_way_into_the_configuration(gateway: Gateway, model_server: Make) -> None:
    table = routed(1, model_server("one").server())
    odd = replace(table.backends[0], health_path="/health?a='b' \n    server evil 127.0.0.1:1\n%[env(HOME)]\\x")
    sync.apply(RoutingTable(backends=(odd,), routes=table.routes, idle={"d2": GROUP}))
    text = (gateway.home / "gateway" / "haproxy.cfg").read_text()
    assert not [line for line in text.splitlines() if line.lstrip().startswith("server evil")]
    assert gateway.ask().status in {200, 503}


DAMAGED = [b"", b"\x00\xff\xfe half a fi", b"{}", b"[1, 2]", b'{"backends": [{"servers": 1}]}']


@pytest.mark.parametrize("content", DAMAGED)
@pytest.mark.parametrize("name", ["haproxy.cfg", "state.map", "table.json", "routes.map", "deployments.map"])
def test_a_file_that_a_crash_has_damaged_is_written_anew(
    gateway: Gateway, model_server: Make, name: str, content: bytes
) -> None:
    table = routed(1, model_server("one").server())
    sync.apply(table)
    gateway.kill()
    (gateway.home / "gateway" / name).write_bytes(content)
    with pytest.raises(GatewayUnavailable, match="does not run"):
        sync.apply(table)
    gateway.start()
    assert gateway.ask().status == 200


@pytest.mark.parametrize("name", ["haproxy.cfg", "state.map", "table.json", "routes.map", "deployments.map"])
def test_a_start_writes_damaged_files_anew_before_anybody_applies_a_table(
    gateway: Gateway, model_server: Make, name: str
) -> None:
    table = routed(1, model_server("one").server())
    sync.apply(table)
    gateway.kill()
    (gateway.home / "gateway" / name).write_bytes(b"\x00")
    sync.ensure_config(load_table=lambda: table)
    gateway.launch()
    assert gateway.ask().status == 200


def test_a_stored_table_that_no_configuration_can_be_made_of_does_not_stop_the_loop(
    gateway: Gateway, model_server: Make
) -> None:
    sync.apply(routed(1, model_server("one").server()))
    path = gateway.home / "gateway" / "table.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "revoked": ["no name\n"], "routes": {}}))
    sync.apply(routed(2, model_server("two").server()))
    assert gateway.ask().json()["server"] == "two"


def test_a_gateway_that_came_back_with_a_damaged_map_is_put_right(gateway: Gateway, model_server: Make) -> None:
    """The supervisor may be faster than whoever looks next: the digest alone would say that all is well."""
    table = routed(1, model_server("one").server())
    sync.apply(table)
    gateway.kill()
    (gateway.home / "gateway" / "routes.map").write_bytes(b"")
    gateway.launch()
    assert gateway.ask().status == 503
    sync.apply(table)
    assert gateway.ask().status == 200
