"""A real gateway in a folder of its own, real servers behind it, and clients that count what fails."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import urllib3
from django.conf import settings
from django.test import override_settings

from deployments.auth import tokens
from deployments.gateway import sync
from deployments.gateway.routing_table import Backend, RoutingTable, Server
from tests.environment import HOME
from tests.stack import free_ports
from tests.traffic import Traffic, crowd
from tests.waiting import wait_until

ID = "d0123456789abcdef"
GROUP = "team-a"
_SERVER = Path(__file__).with_name("model_server.py")


class ModelServer:
    """One model server.

    Args:
        folder: its working directory.
        port: a free one when left out.
    """

    def __init__(self, folder: Path, name: str, port: int = 0) -> None:
        self.folder, self.name = folder, name
        self.port = port or free_ports(1)[0]
        self.process = subprocess.Popen([sys.executable, "-I", "-S", _SERVER, str(self.port), name], cwd=folder)
        wait_until(self._answers, what=f"{name} answers")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def server(self, name: str = "") -> Server:
        return Server(name=name or self.name, host="127.0.0.1", port=self.port)

    def _answers(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class Gateway:
    """The gateway of the settings, run as the supervisor runs it."""

    def __init__(self) -> None:
        self.home = Path(settings.LAUNCHPAD_HOME)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = (self.home / "gateway.log").open("ab")

    def start(self) -> None:
        sync.ensure_config(load_table=RoutingTable)
        self.launch()

    def launch(self) -> None:
        """Run it with the files as they are, as the supervisor does after its death."""
        self.process = subprocess.Popen(sync.command(), stdout=self.log, stderr=self.log)
        wait_until(sync.is_alive, what="the gateway answers")

    def processes(self) -> list[psutil.Process]:
        """Return master and workers."""
        assert self.process is not None
        master = psutil.Process(self.process.pid)
        return [master, *master.children()]

    def kill(self, *, workers: bool = True) -> None:
        """`kill -9` of master and workers, or of the master alone."""
        assert self.process is not None
        found = self.processes()
        for process in found if workers else found[:1]:
            with suppress(psutil.NoSuchProcess):  # workers end with their master
                process.kill()
        self.process.wait(10)
        wait_until(lambda: not any(_lives(process) for process in found), what="the workers are gone")

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self.log.close()

    def pool(self) -> urllib3.HTTPSConnectionPool:
        return urllib3.HTTPSConnectionPool(
            "localhost",
            settings.LAUNCHPAD_GATEWAY_PORT,
            ca_certs=str(self.home / "tls" / "ca.pem"),
            retries=False,
            timeout=10,
            maxsize=32,
        )

    def plain_pool(self) -> urllib3.HTTPConnectionPool:
        """Return connections to the port without TLS."""
        return urllib3.HTTPConnectionPool("localhost", settings.LAUNCHPAD_PORT, retries=False, timeout=10)

    @contextmanager
    def connection(self) -> Iterator[ssl.SSLSocket]:
        """Open a bare TLS connection, for what an HTTP client would not do."""
        context = ssl.create_default_context(cafile=str(self.home / "tls" / "ca.pem"))
        with (
            socket.create_connection(("127.0.0.1", settings.LAUNCHPAD_GATEWAY_PORT), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            yield connection

    def raw(self, request: bytes) -> bytes:
        """Send bytes and return all that comes back until the connection is closed."""
        with self.connection() as connection:
            connection.sendall(request)
            return _read_all(connection)

    def ask(
        self,
        path: str = "/",
        *,
        deployment_id: str = ID,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        body: Any = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request to a deployment; a good token is used unless another one (or `""`) is given."""
        token = access_token() if token is None else token
        sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        with self.pool() as pool:
            return pool.urlopen(method, address(path, deployment_id), body=body, headers=sent, redirect=False)


@contextmanager
def new_home() -> Iterator[dict[str, Any]]:
    """Give the settings of a new LAUNCHPAD_HOME."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-"))  # short, for the sockets in it
    shutil.copytree(_token_keys(), folder / "tokens")
    port, gateway_port = free_ports(2)
    yield {"LAUNCHPAD_HOME": folder, "LAUNCHPAD_PORT": port, "LAUNCHPAD_GATEWAY_PORT": gateway_port}
    shutil.rmtree(folder)


@cache
def _token_keys() -> Path:
    """Make the keys of the access tokens once: it takes longer than the start of a gateway."""
    home = Path(HOME) / "home-with-token-keys"
    with override_settings(LAUNCHPAD_HOME=home):
        tokens.ensure_key()
    return home / "tokens"


@contextmanager
def running_gateway() -> Iterator[Gateway]:
    """Run the gateway of the settings until the block ends."""
    gateway = Gateway()
    gateway.start()
    yield gateway
    gateway.close()


def _read_all(connection: ssl.SSLSocket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def address(path: str = "/", deployment_id: str = ID) -> str:
    return f"/v2/inference/deployments/{deployment_id}{path}"


def access_token(**values: Any) -> str:
    """Return a token for GROUP, unless told otherwise."""
    defaults: dict[str, Any] = {"subject": "tester", "client_id": "key-1", "resource_groups": [GROUP]}
    return tokens.issue(**{**defaults, "role": "editor", "lifetime_seconds": 600, **values})


def backend(generation: int, *servers: Server, **values: Any) -> Backend:
    defaults: dict[str, Any] = {"deployment_id": ID, "resource_group": GROUP, "health_path": "/health"}
    return Backend(**{**defaults, "generation": generation, "servers": servers, **values})


def routed(generation: int, *servers: Server) -> RoutingTable:
    """Return a table with one deployment of one generation that serves."""
    return RoutingTable(backends=(backend(generation, *servers),), routes={ID: generation})


def error_of(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    """Return the error in an answer, after a look at its form."""
    assert answer.headers["Content-Type"] == "application/json"
    error: dict[str, Any] = json.loads(answer.data)["error"]
    assert set(error) == {"code", "message", "requestId", "target"}
    assert error["requestId"] == answer.headers["X-Request-Id"]
    return error


def traffic(gateway: Gateway) -> AbstractContextManager[Traffic]:
    """Send requests to the one deployment all the time."""
    return crowd(gateway.pool, address("/predict"), {"Authorization": f"Bearer {access_token()}"})


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
