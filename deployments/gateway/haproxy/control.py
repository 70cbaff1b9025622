"""Sends commands to the running HAProxy through its master's socket, which reaches every worker, old ones too.

After a reload the previous worker stays until its last connection is closed; it still accepts commands.
"""

from __future__ import annotations

import csv
import http.client
import io
import re
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deployments import reasons
from deployments.errors import GatewayRejected, GatewayUnavailable
from deployments.gateway.haproxy.binary import find_haproxy
from deployments.gateway.haproxy.config import FRONTEND

COMMAND_TIMEOUT = 5.0
RELOAD_TIMEOUT = 10.0
CHECK_TIMEOUT = 10.0
POLL_INTERVAL = 0.005
_NO_WORKER = ("Can't find the target", "Invalid process")


@dataclass(frozen=True, kw_only=True)
class Load:
    """The open connections and requests of a worker.

    Args:
        connections: those of clients, including idle ones.
        requests: backend -> number of open requests to it.
    """

    connections: int
    requests: dict[str, int]


class Control:
    """The running HAProxy.

    Args:
        folder: its working directory.
        run: the folder of its sockets.
    """

    def __init__(self, folder: Path, run: Path) -> None:
        self.folder = folder
        self.run = run

    @property
    def socket_path(self) -> Path:
        return self.run / "haproxy.sock"

    def command(self) -> list[str]:
        """Return the command that starts HAProxy; it stays in the foreground, as master of its workers."""
        return [
            *(str(find_haproxy()), "-W", "-S", f"{self.socket_path},mode,600"),
            *("-p", str(self.run / "haproxy.pid"), "-C", str(self.folder), "-f", "haproxy.cfg"),
        ]

    def check(self, name: str) -> None:
        """Let HAProxy validate the configuration file `name` in the folder.

        Raises:
            GatewayRejected: it is not valid; the message has HAProxy's first alert.
        """
        command = [str(find_haproxy()), "-c", "-C", str(self.folder), "-f", name]
        completed = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=CHECK_TIMEOUT, check=False
        )
        if completed.returncode:
            alerts = [line for line in completed.stderr.splitlines() if line.startswith("[ALERT]")]
            error = next(iter(alerts), completed.stderr)[:500]
            raise GatewayRejected(reasons.GATEWAY_CONFIGURATION_REFUSED(error=error))

    def run_command(self, command: str, *, worker: str = "1") -> str:
        """Send one command and return the answer.

        Args:
            worker: "1" for the current worker, `!pid` for a certain one, "" for the master itself.

        Raises:
            GatewayUnavailable: HAProxy does not run, or the worker has ended.
        """
        line = f"@{worker} {command}" if worker else command
        answer = self._send(line)
        if answer.startswith(_NO_WORKER):
            raise GatewayUnavailable(reasons.GATEWAY_WORKER_ENDED(worker=worker))
        return answer.strip()

    def run_checked(self, command: str, *, expected: str = "", worker: str = "1") -> None:
        """Send a command whose answer is empty (or has `expected`) after success.

        Raises:
            GatewayUnavailable: it failed.
        """
        answer = self.run_command(command, worker=worker)
        if answer and not (expected and expected in answer):
            raise GatewayUnavailable(reasons.GATEWAY_ANSWER_UNEXPECTED(answer=repr(answer), command=repr(command)))

    def old_workers(self) -> list[str]:
        """Return the workers from before a reload that still finish requests, in the form that `run_command` takes."""
        listing = self.run_command("show proc", worker="")
        _, _, old = listing.partition("# old workers")
        return [f"!{pid}" for pid in re.findall(r"^(\d+)\s+worker", old, flags=re.MULTILINE)]

    def map(self, name: str, *, worker: str = "1") -> dict[str, str]:
        """Return the entries of a map in the memory of a worker."""
        lines = (line.split(maxsplit=2) for line in self.run_command(f"show map {name}", worker=worker).splitlines())
        return {parts[1]: parts[2] for parts in lines if len(parts) == 3}

    def load(self, *, worker: str = "1") -> Load:
        """Return the open connections and requests of a worker."""
        connections, requests = 0, {}
        for row in _rows(self.run_command("show stat -1 3 -1", worker=worker)):
            if row["svname"] == "BACKEND":
                requests[row["# pxname"]] = int(row["scur"] or 0)
            elif row["# pxname"] == FRONTEND:
                connections = int(row["scur"] or 0)
        return Load(connections=connections, requests=requests)

    def down(self) -> frozenset[str]:
        """Return the names of the servers whose health checks fail, without those that have no address yet."""
        answer = self.run_command("show stat -1 4 -1")
        if "DOWN" not in answer:  # as in most sweeps: then nothing has to be parsed
            return frozenset()
        return frozenset(row["svname"] for row in _rows(answer) if row["status"].startswith("DOWN"))

    def servers_state(self) -> list[list[str]]:
        """Return the lines of `show servers state`, split: a version, a heading, then one line per server."""
        return [line.split() for line in self.run_command("show servers state").splitlines() if line]

    def reload(self) -> None:
        """Start a new worker with the files on disk; the old one finishes its open requests.

        The caller has to check whether it accepted them: HAProxy before 2.7 neither waits nor reports it.
        """
        self._send("reload")

    def metrics(self) -> str:
        """Return the metrics in Prometheus's text format."""
        connection = _UnixConnection(self.run / "metrics.sock")
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise GatewayUnavailable(reasons.GATEWAY_METRICS_MISSING(error=str(error))) from error
        finally:
            connection.close()
        if answer.status != 200:
            raise GatewayUnavailable("This HAProxy was built without its Prometheus exporter.")
        return text

    def _send(self, line: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(COMMAND_TIMEOUT)
                connection.connect(str(self.socket_path))
                connection.sendall(f"{line}\n".encode())
                connection.shutdown(socket.SHUT_WR)
                return b"".join(_chunks(connection)).decode()
        except OSError as error:
            raise GatewayUnavailable(f"The gateway cannot be reached at {self.socket_path}: {error}.") from error


def _rows(answer: str) -> Iterable[dict[str, str]]:
    """Return the rows of an answer to `show stat`."""
    return csv.DictReader(io.StringIO(answer))


def _chunks(connection: socket.socket) -> Iterator[bytes]:
    while chunk := connection.recv(65536):
        yield chunk


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=COMMAND_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def pause_until(end: float) -> bool:
    """Sleep for POLL_INTERVAL and return whether `end` (of `time.monotonic()`) is still to come."""
    time.sleep(POLL_INTERVAL)
    return time.monotonic() < end
