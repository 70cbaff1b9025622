"""The sockets that a server listens on: why it cannot be reached, and whether others can reach it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from operator import itemgetter

import psutil

from deployments.messages import Message
from deployments.runtimes.local import messages

_ANY = {"0.0.0.0", "::"}  # noqa: S104  looked for, not bound to
_LOOPBACK = ("127.", "::1", "::ffff:127.")
_SHOWN = 4
CHECK_INTERVAL = 300.0  # seconds between two checks of the sockets of a server that answers

Listener = tuple[str, int]  # address and port


def listeners(leader: int) -> Sequence[Listener] | None:
    """Return the addresses that the processes of a server's session listen on, None when they may not be read.

    Read from `/proc/PID/fd` and `/proc/PID/net/tcp{,6}` on Linux, from the kernel on macOS.
    """
    addresses: set[Listener] = set()
    hidden = False
    for pid in _session(leader):
        try:
            connections = psutil.Process(pid).net_connections(kind="tcp")
        except psutil.AccessDenied:
            hidden = True  # a server that runs as another user, and we are not root
            continue
        except (psutil.Error, OSError):
            continue  # it has ended meanwhile
        addresses |= {(item.laddr.ip, item.laddr.port) for item in connections if item.status == psutil.CONN_LISTEN}
    return None if hidden and not addresses else sorted(addresses, key=itemgetter(1, 0))


def misplaced(listening: Iterable[Listener], host: str, port: int) -> Message | None:
    """Return what is wrong with where a server listens whose port is closed, None when it listens nowhere yet."""
    listening = list(listening)
    if addresses_of_port := [address for address, number in listening if number == port]:
        reachable = {host, *_ANY}
        if reachable & set(addresses_of_port):
            return None  # it began to listen after the health check
        addresses = ", ".join(addresses_of_port[:_SHOWN])
        return Message(messages.WRONG_ADDRESS, {"addresses": addresses, "host": host, "port": port})
    others = list(dict.fromkeys(str(number) for _, number in listening))
    if not others:
        return None
    return Message(messages.WRONG_PORT, {"ports": ", ".join(others[:_SHOWN]), "port": port})


def exposed(listening: Iterable[Listener]) -> Message | None:
    """Return what others on the network can reach of a server without a token, None when nothing."""
    ports = [f"{_bracketed(address)}:{port}" for address, port in listening if not address.startswith(_LOOPBACK)]
    return Message(messages.EXPOSED, {"addresses": ", ".join(ports[:_SHOWN])}) if ports else None


class Exposure:
    """What others can reach of servers that answer: checked every CHECK_INTERVAL, as that is expensive."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, Message | None]] = {}  # leader -> time of the check, and its result

    def of(self, leader: int) -> Message | None:
        """Return the result of `exposed` for a server."""
        now = time.monotonic()
        at, message = self._known.get(leader, (now - CHECK_INTERVAL, None))
        if now - at >= CHECK_INTERVAL:
            message = exposed(listeners(leader) or ())
            self._known = {pid: entry for pid, entry in self._known.items() if now - entry[0] < 2 * CHECK_INTERVAL}
            self._known[leader] = (now, message)
        return message

    def forget(self, leader: int) -> None:
        """Check anew at the next call: the server has not answered."""
        self._known.pop(leader, None)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _session(leader: int) -> Iterable[int]:
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == leader:
                yield pid
        except (ProcessLookupError, PermissionError):
            continue  # it has ended meanwhile, or belongs to another user
