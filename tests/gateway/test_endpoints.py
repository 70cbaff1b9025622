"""Where runtimes say that servers are: names, TLS, paths. What cannot be used keeps no other from being reached."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from deployments.gateway import sync
from deployments.gateway.resolve import resolved, routing_values
from deployments.gateway.routing_table import RoutingTable, Server, Upstream, load
from deployments.gateway.tls import ensure
from deployments.lifecycle import Status
from deployments.messages import render
from deployments.runtimes.endpoint import Endpoint
from tests import factories as make
from tests.gateway.running import ID, Gateway, ModelServer, access_token, backend, routed
from tests.stack import free_ports
from tests.waiting import wait_until

Make = Callable[..., ModelServer]
NOTHING = {"endpoint": None, "host": "", "port": 0}
_TLS_SERVER = """
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        said = f"{self.headers['Host']} {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def test_a_name_becomes_an_address_that_the_gateway_can_use() -> None:
    endpoint = Endpoint(host="localhost", port=8080)

    values = routing_values(endpoint, NOTHING)

    assert values["host"] in {"127.0.0.1", "::1"}
    assert (values["port"], values["endpoint"]["host"]) == (8080, "localhost")


def test_a_name_that_is_not_found_for_the_moment_keeps_its_address() -> None:
    endpoint = Endpoint(host="no-such-host.invalid", port=8080)
    assert resolved(endpoint.host) == ""

    first = routing_values(endpoint, NOTHING)
    later = routing_values(endpoint, first | {"host": "192.0.2.7", "port": 8080})
    other = routing_values(replace(endpoint, host="other.invalid"), later)

    assert (first["host"], first["port"]) == ("", 0)
    assert (later["host"], later["port"]) == ("192.0.2.7", 8080)
    assert (other["host"], other["port"]) == ("", 0)


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint(host="a b", port=80),
        Endpoint(host="127.0.0.1\nglobal", port=80),
        Endpoint(host="127.0.0.1", port=99999),
        Endpoint(host="127.0.0.1", port=80, scheme="ftp"),
        Endpoint(host="127.0.0.1", port=80, path_prefix="no-slash"),
        Endpoint(host="127.0.0.1", port=80, path_prefix="/a'b"),
        Endpoint(host="127.0.0.1", port=80, host_header="a\r\nb"),
        Endpoint(host="127.0.0.1", port=80, scheme="https", ca="no certificate"),
    ],
)
def test_an_endpoint_that_cannot_be_used_says_why_and_has_no_address(endpoint: Endpoint) -> None:
    values = routing_values(endpoint, NOTHING)

    assert render(endpoint.problem).endswith(".")
    assert (values["host"], values["port"]) == ("", 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "bad",
    [
        {"host": "model.example.com", "port": 8080},
        {"host": "127.0.0.1", "port": 70000},
        {"host": "", "port": 80, "endpoint": {"host": "a b", "port": 80}},
        {"endpoint": {"host": "127.0.0.1", "port": 80, "scheme": "https", "ca": "no certificate"}},
        {"endpoint": {"host": "127.0.0.1", "port": 80, "of_a_newer_version": 1}},
        {"endpoint": {"host": "127.0.0.1", "port": "80"}},
    ],
)
def test_one_bad_endpoint_never_stops_the_routing_of_others(
    gateway: Gateway, model_server: Make, bad: dict[str, Any]
) -> None:
    specs = {"health_path": "/health", "retry": "safe"}
    good = make.make_generation(make.make_deployment(pk=ID), server_spec=specs)
    make.make_replica(good, port=model_server("one").port)
    other = make.make_generation(make.make_deployment(status=Status.RUNNING), server_spec=specs)
    make.make_replica(other, **bad)

    token = access_token(resource_groups=["default"])

    sync.apply(load())

    wait_until(lambda: gateway.ask(token=token).status == 200, what="the other deployment answers")


@pytest.mark.django_db
def test_servers_of_one_generation_that_are_reached_in_another_way_get_nothing() -> None:
    generation = make.make_generation(
        make.make_deployment(pk=ID), server_spec={"health_path": "/health", "retry": "safe"}
    )
    for number, prefix in enumerate(("/a", "/a", "/b")):
        endpoint = {"host": "127.0.0.1", "port": 8080, "path_prefix": prefix}
        make.make_replica(generation, number, port=8080, endpoint=endpoint)

    (served,) = load().backends

    assert served.upstream == Upstream(path_prefix="/a")
    assert [server.port for server in served.servers] == [8080, 8080, 0]


@pytest.fixture
def tls_server(gateway: Gateway) -> Iterator[int]:
    """A server with a certificate of our authority for the name `localhost`; gives its port."""
    port = free_ports(1)[0]
    command = [sys.executable, "-c", _TLS_SERVER, str(port), str(ensure(gateway.home).path)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    yield port
    process.kill()
    process.wait(10)


def encrypted(port: int, **values: str) -> RoutingTable:
    ca = (Path(settings.LAUNCHPAD_HOME) / "tls" / "ca.pem").read_text()
    upstream = Upstream(**{"scheme": "https", "server_name": "localhost", "ca": ca, **values})
    served = backend(1, Server(name="r0", host="127.0.0.1", port=port), upstream=upstream)
    return RoutingTable(backends=(served,), routes={ID: 1})


def test_a_server_with_tls_is_asked_and_checked_with_its_name_path_and_host(gateway: Gateway, tls_server: int) -> None:
    table = encrypted(tls_server, path_prefix="/pods/7", host_header="model.internal")

    sync.apply(table)

    wait_until(lambda: gateway.ask("/predict?a=1").status == 200, what="the server answers")
    assert gateway.ask("/predict?a=1").data == b"model.internal /pods/7/predict?a=1"
    assert not sync.replicas_down()
    gateway.kill()
    gateway.start()  # with what is on disk
    wait_until(lambda: gateway.ask("/").status == 200, what="the server answers again")


def test_a_server_whose_certificate_is_for_another_name_gets_nothing(gateway: Gateway, tls_server: int) -> None:
    sync.apply(encrypted(tls_server, server_name="somebody.else"))

    wait_until(sync.replicas_down, what="its check fails")
    assert gateway.ask().status == 503


def test_a_redirection_of_a_server_below_a_prefix_leads_below_its_deployment(
    gateway: Gateway, model_server: Make
) -> None:
    table = routed(1, model_server("one").server())
    below = replace(table.backends[0], upstream=Upstream(path_prefix="/pods/7"), health_path="/health")
    sync.apply(RoutingTable(backends=(below,), routes=table.routes))

    answer = gateway.ask(headers={"X-Answer": '{"Location": "/pods/7/login"}'})

    assert answer.json()["path"] == "/pods/7/"
    assert answer.headers["Location"] == f"/v2/inference/deployments/{ID}/login"
