"""Applies a routing table to the running HAProxy, and queries HAProxy.

Everything that a restarted HAProxy needs is on disk (see `stored_files`). The map `state.map` has the digest of the
table that a process uses: it is written last, on disk and in the process, so that an interrupted change is detected
and repeated.

Routes, known deployments, revocations and addresses change in place. Added or removed backends need a reload: a new
worker takes over the listening socket, the old one finishes its open requests.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from deployments import reasons
from deployments.cached import CachedValue
from deployments.errors import GatewayUnavailable
from deployments.gateway import stored_files as files
from deployments.gateway.endpoint import GatewayAddress, gateway_address, gateway_config
from deployments.gateway.haproxy.checks import CHECKS_SOCKET
from deployments.gateway.haproxy.config import ROUTES, STATE, STATE_KEY, Rendered, render
from deployments.gateway.haproxy.control import RELOAD_TIMEOUT, Control, pause_until
from deployments.gateway.readiness import ProbeResult, send_probe
from deployments.gateway.routing_table import RoutingTable, backend_name, load
from deployments.storage.files import locked, write

__all__ = [
    "ProbeResult",
    "apply",
    "command",
    "ensure_config",
    "in_flight",
    "is_alive",
    "metrics",
    "replicas_down",
    "send_probe",
]

MAX_CHANGES_IN_PLACE = 200  # a reload takes about as long as this many commands
_STOPPED, _RUNNING = "0", "2"  # srv_op_state


def apply(table: RoutingTable | None = None) -> None:
    """Apply a table to the running HAProxy. Cheap when it uses that table already.

    May be called from several threads and processes at once: of the callers that wait for a reload, the next one
    applies the newest table for all of them.

    Args:
        table: ignored when one that was read later has been applied. None: load it from the database when it
            is this caller's turn.

    Raises:
        GatewayUnavailable: HAProxy does not run or did not accept a command. It will start with this table; retry.
        GatewayRejected: no valid configuration can be made of it. The previous one stays in effect.
    """
    gateway = gateway_address()
    if table is not None:
        _LATEST.offer(table)
    with locked(gateway.folder / "lock"):
        _apply_to(gateway, load() if table is None else _LATEST.newer_of(table))


def ensure_config(load_table: Callable[[], RoutingTable] = load) -> None:
    """Write the configuration that HAProxy starts with: the table that was last applied, with the current settings.

    Args:
        load_table: called for the table when no usable one is stored.

    Raises:
        GatewayRejected: HAProxy is missing or refuses the settings.
    """
    gateway = gateway_address()
    gateway.control.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(gateway.folder / "lock"):
        config = gateway_config()
        stored = files.stored(gateway, config)
        if stored is None:
            table = load_table()
            stored = (table, render(table, config))
        files.save(gateway, *stored)


def command() -> list[str]:
    """Return how the supervisor starts HAProxy, after `ensure_config`."""
    return gateway_address().control.command()


def is_alive() -> bool:
    """Return whether HAProxy responds on its control socket."""
    return _running_digest(gateway_address().control) is not None


def in_flight(deployment_id: str, generation: int) -> int | None:
    """Return how many requests are open to a generation in all of HAProxy's workers, None when HAProxy is unavailable.

    A worker from before a reload may still route to it: its idle connections are counted too, because one
    more request may come on each of them (`option idle-close-on-response`; at most until its keep-alive ends).
    """
    control = gateway_address().control
    name = backend_name(deployment_id, generation)
    try:
        total = control.load().requests.get(name, 0)
        for worker in control.old_workers():
            load = control.load(worker=worker)
            total += load.requests.get(name, 0)
            if control.map(ROUTES, worker=worker).get(deployment_id) == name:
                total += max(0, load.connections - sum(load.requests.values()))
    except GatewayUnavailable:
        return None
    return total


def replicas_down() -> frozenset[str]:
    """Return the names of the replicas whose health checks fail, with one command. HAProxy checks every two seconds.

    Raises:
        GatewayUnavailable: HAProxy does not respond.
    """
    return gateway_address().control.down()


def metrics() -> str:
    """Return HAProxy's metrics in Prometheus's text format; a deployment is the label `proxy`.

    Raises:
        GatewayUnavailable: HAProxy does not respond.
    """
    return gateway_address().control.metrics()


def _apply_to(gateway: GatewayAddress, table: RoutingTable) -> None:
    config = gateway_config()
    # Rendered in each sweep, and nearly always the same as before; the table is read anew.
    new = _RENDERED.get((replace(table, read_at=0), config), lambda: render(table, config))
    running = _running_digest(gateway.control)
    if running == new.digest:
        if files.may_have_started_with_damaged_files(gateway) and files.save(gateway, table, new):
            _reload(gateway, new)
        return
    last = files.stored(gateway, config)
    if last is not None:
        stored, before = last
        # A `read_at` in the future is from before the last boot, which resets the monotonic clock.
        if running == before.digest and table.read_at < stored.read_at <= time.monotonic_ns():
            return
        changes = list(_changes(before, new))
        if running == before.digest and before.skeleton == new.skeleton and len(changes) <= MAX_CHANGES_IN_PLACE:
            files.save(gateway, table, new, checked=True)
            _change_in_place(gateway.control, changes, new)
            return
    files.save(gateway, table, new)
    if running is None:
        raise GatewayUnavailable(reasons.GATEWAY_NOT_RUNNING())
    _reload(gateway, new)
    if last is not None:
        _update_old_workers(gateway.control, [change for change in _changes(last[1], new) if change.is_of_map])


def _reload(gateway: GatewayAddress, new: Rendered) -> None:
    """Start a worker with the files on disk and wait until it responds."""
    write(gateway.folder / "server-state", _state_to_carry_over(gateway.control, new))
    gateway.control.reload()
    end = time.monotonic() + RELOAD_TIMEOUT
    while _running_digest(gateway.control) != new.digest:
        if not pause_until(end):
            raise GatewayUnavailable(reasons.GATEWAY_RELOAD_REFUSED())
    write(gateway.folder / "server-state", "")
    _remove_old_sockets(gateway)


def _remove_old_sockets(gateway: GatewayAddress) -> None:
    """Remove sockets of health checks that no worker uses: all but those of the current and the previous worker."""
    sockets = sorted((gateway.folder / CHECKS_SOCKET).parent.glob(Path(CHECKS_SOCKET).name), key=os.path.getmtime)
    for path in sockets[:-2]:
        path.unlink(missing_ok=True)


def _state_to_carry_over(control: Control, new: Rendered) -> str:
    """Return the state file for a new worker: the servers that are down in a backend with a healthy server.

    A new worker assumes that every server is healthy until its first check, which can take two seconds. That is right
    for the only server of a backend, and wrong for one of several that is just restarting.
    """
    rows = control.servers_state()
    if len(rows) < 2 or rows[0] != ["1"]:
        return ""
    columns = {name: number for number, name in enumerate(rows[1][1:])}
    keys = ("be_name", "srv_name", "srv_addr", "srv_port", "srv_op_state")
    servers = [(" ".join(row), [row[columns[key]] for key in keys]) for row in rows[2:] if len(row) == len(columns)]
    healthy = {backend for _, (backend, *_, state) in servers if state == _RUNNING}
    down = [
        line
        for line, (backend, server, host, port, state) in servers
        if state == _STOPPED and backend in healthy and new.servers.get(f"{backend}/{server}") == (host, int(port))
    ]
    return "\n".join(["1", " ".join(rows[1]), *down]) + "\n" if down else ""


@dataclass(frozen=True, kw_only=True)
class _Change:
    """One command of the runtime API.

    Args:
        expected: part of its answer after success, of commands that have an answer then.
        is_of_map: whether it changes a map; those are sent to old workers, too.
        backend: sent only to workers that know this backend.
    """

    command: str
    expected: str = ""
    is_of_map: bool = True
    backend: str = ""


def _changes(old: Rendered, new: Rendered) -> Iterator[_Change]:
    for name, entries in new.maps.items():
        before = old.maps[name]
        for key, value in entries.items():
            if before.get(key) != value:
                word = "set" if key in before else "add"
                backend = value if name == ROUTES else ""
                yield _Change(command=f"{word} map {name} {key} {value}", backend=backend)
        for key in before.keys() - entries.keys():
            yield _Change(command=f"del map {name} {key}")
    routed = set(new.maps[ROUTES].values())
    for server, address in new.servers.items():
        if server in old.servers and old.servers[server] != address:
            yield from _moved(server, address, is_public=server.partition("/")[0] in routed, peers=new.servers)


def _moved(
    server: str, address: tuple[str, int] | None, *, is_public: bool, peers: Mapping[str, tuple[str, int] | None]
) -> Iterator[_Change]:
    if address is None:
        yield _Change(command=f"set server {server} state maint", is_of_map=False)
        return
    host, port = address
    backend = server.partition("/")[0]
    down = _Change(command=f"set server {server} health down", is_of_map=False)
    # It has just been started: no traffic before its first successful check, if other servers can take it.
    waits = is_public and any(peer != server and peer.startswith(f"{backend}/") for peer in peers)
    if waits:
        yield down
    yield _Change(command=f"set server {server} addr {host} port {port}", expected="chang", is_of_map=False)
    yield _Change(command=f"set server {server} state ready", is_of_map=False)
    if waits:
        yield down  # leaving maintenance has marked it healthy


def _change_in_place(control: Control, changes: list[_Change], new: Rendered) -> None:
    control.run_checked(f"set map {STATE} {STATE_KEY} changing")
    for change in changes:
        control.run_checked(change.command, expected=change.expected)
    control.run_checked(f"set map {STATE} {STATE_KEY} {new.digest}")
    _update_old_workers(control, changes)


def _update_old_workers(control: Control, changes: list[_Change]) -> None:
    """Apply changes for the open connections of old workers, too, as far as those workers know the backends.

    Failures are ignored: an old worker may end at any moment, and `in_flight` counts the requests that it may route.
    """
    if not changes:
        return
    for worker in control.old_workers():
        try:
            known = control.load(worker=worker).requests
            for change in changes:
                if not change.backend or change.backend in known:
                    control.run_command(change.command, worker=worker)
        except GatewayUnavailable:
            continue  # it has ended


def _running_digest(control: Control) -> str | None:
    """Return the digest of the table that HAProxy uses, None when it does not respond."""
    try:
        return control.map(STATE).get(STATE_KEY, "")
    except GatewayUnavailable:
        return None


class _LatestTable:
    """The table of this process that was read last: the next caller with the lock applies it for all that wait."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._table: RoutingTable | None = None

    def offer(self, table: RoutingTable) -> None:
        with self._lock:
            if self._table is None or self._table.read_at < table.read_at:
                self._table = table

    def newer_of(self, table: RoutingTable) -> RoutingTable:
        with self._lock:
            return self._table if self._table and self._table.read_at > table.read_at else table


_LATEST = _LatestTable()
_RENDERED: CachedValue[Rendered] = CachedValue()
