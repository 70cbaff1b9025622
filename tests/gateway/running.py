"""A real gateway in a folder of its own, real servers behind it, and clients that count what fails."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import urllib3
from django.conf import settings

from deployments.gateway import sync, tokens
from deployments.gateway.table import Backend, Server, Table
from tests.stack import free_ports
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
        sync.ensure_config()
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
            return pool.urlopen(method, address(path, deployment_id), body=body, headers=sent)


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


def routed(generation: int, *servers: Server) -> Table:
    """Return a table with one deployment of one generation that serves."""
    return Table(backends=(backend(generation, *servers),), routes={ID: generation})


def error_of(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    """Return the error in an answer, after a look at its form."""
    assert answer.headers["Content-Type"] == "application/json"
    error: dict[str, Any] = json.loads(answer.data)["error"]
    assert set(error) == {"code", "message", "requestId", "target"}
    assert error["requestId"] == answer.headers["X-Request-Id"]
    return error


@dataclass
class Traffic:
    """What a crowd of clients has seen. `failures` are sentences, one for each answer that was not 200."""

    answered: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def total(self) -> int:
        with self.lock:
            return sum(self.answered.values()) + len(self.failures)

    def note(self, server: str, failure: str) -> None:
        with self.lock:
            if failure:
                self.failures.append(failure)
            else:
                self.answered[server] = self.answered.get(server, 0) + 1


@contextmanager
def traffic(gateway: Gateway, *, clients: int = 8, per_second: float = 100.0) -> Iterator[Traffic]:
    """Send GET and POST requests all the time, over connections that are kept; each client has one."""
    seen, over = Traffic(), threading.Event()
    token = access_token()
    crowd = [
        threading.Thread(target=_client, args=(gateway, seen, over, token, clients / per_second))
        for _ in range(clients)
    ]
    for one in crowd:
        one.start()
    try:
        wait_until(lambda: seen.total > clients, what="traffic flows")
        yield seen
    finally:
        over.set()
        for one in crowd:
            one.join()


def _client(gateway: Gateway, seen: Traffic, over: threading.Event, token: str, pause: float) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    with gateway.pool() as pool:
        for number in range(1_000_000):
            if over.wait(pause):
                return
            method, body = ("POST", b"x" * 500) if number % 2 else ("GET", None)
            try:
                answer = pool.urlopen(method, address("/predict"), body=body, headers=headers)
            except urllib3.exceptions.HTTPError as error:
                seen.note("", f"{time.time():.3f} {method}: {error!r}")
                continue
            if answer.status == 200:
                seen.note(answer.json()["server"], "")
            else:
                seen.note("", f"{time.time():.3f} {method}: {answer.status} {answer.data!r}")


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
