"""Where the processes of a server listen, seen from their sockets: why it cannot be asked, and who else can ask it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence

import psutil

from deployments.messages import Message
from deployments.runtimes.local import messages

_ANY = {"0.0.0.0", "::"}  # noqa: S104  looked for, not bound to
_LOOPBACK = ("127.", "::1", "::ffff:127.")
_SHOWN = 4
LOOKED_AT_EVERY = 300.0  # seconds between two looks at the sockets of a server that answers

Listener = tuple[str, int]  # address and port


def listeners(leader: int) -> Sequence[Listener] | None:
    """Return where the processes of a server's session listen, None when their sockets may not be seen.

    On Linux that is read from `/proc/PID/fd` and `/proc/PID/net/tcp{,6}`, on macOS asked from the kernel.
    """
    found: set[Listener] = set()
    hidden = False
    for pid in _session(leader):
        try:
            connections = psutil.Process(pid).net_connections(kind="tcp")
        except psutil.AccessDenied:
            hidden = True  # a server that runs as another user, and we are not root
            continue
        except (psutil.Error, OSError):
            continue  # it has ended meanwhile
        found |= {(one.laddr.ip, one.laddr.port) for one in connections if one.status == psutil.CONN_LISTEN}
    return None if hidden and not found else sorted(found, key=lambda one: (one[1], one[0]))


def misplaced(found: Iterable[Listener], host: str, port: int) -> Message | None:
    """Return what is wrong with where a server listens whose port is closed, None when it listens nowhere yet."""
    found = list(found)
    if here := [address for address, number in found if number == port]:
        reachable = {host, *_ANY}
        if reachable & set(here):
            return None  # it has begun to listen since it was asked
        addresses = ", ".join(here[:_SHOWN])
        return Message(messages.WRONG_ADDRESS, {"addresses": addresses, "host": host, "port": port})
    others = list(dict.fromkeys(str(number) for _, number in found))
    if not others:
        return None
    return Message(messages.WRONG_PORT, {"ports": ", ".join(others[:_SHOWN]), "port": port})


def exposed(found: Iterable[Listener]) -> Message | None:
    """Return what others on the network can reach of a server without a token, None when nothing."""
    ports = [f"{_bracketed(address)}:{port}" for address, port in found if not address.startswith(_LOOPBACK)]
    return Message(messages.EXPOSED, {"addresses": ", ".join(ports[:_SHOWN])}) if ports else None


class Exposure:
    """What others can reach of servers that answer, looked at now and then: it costs more than asking for health."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, Message | None]] = {}  # leader -> when it was looked at, what was found

    def of(self, leader: int) -> Message | None:
        """Return what `exposed` says of a server."""
        now = time.monotonic()
        at, found = self._known.get(leader, (now - LOOKED_AT_EVERY, None))
        if now - at >= LOOKED_AT_EVERY:
            found = exposed(listeners(leader) or ())
            self._known = {one: seen for one, seen in self._known.items() if now - seen[0] < 2 * LOOKED_AT_EVERY}
            self._known[leader] = (now, found)
        return found

    def forget(self, leader: int) -> None:
        """Look again the next time: the server has not answered."""
        self._known.pop(leader, None)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _session(leader: int) -> Iterable[int]:
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == leader:
                yield pid
        except (ProcessLookupError, PermissionError):
            continue  # it has ended meanwhile, or is nobody of ours
