"""Makes the running HAProxy equal to a table, and tells what it sees.

What a restarted HAProxy needs is on disk (see `stored_files`). The map `state.map` holds the digest of the table that
a process works on: it is written last, on disk and in the process, so that whatever is interrupted is seen and done
again.

Routes, known deployments, revocations and addresses change in place. New or gone backends need a reload: a new worker
takes the listening socket over, the old one finishes what it has.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from deployments.errors import GatewayUnavailable
from deployments.gateway import stored_files as files
from deployments.gateway.endpoint import GatewayAddress, place, site
from deployments.gateway.haproxy.config import CHECKS_SOCKET, ROUTES, STATE, STATE_KEY, Rendered, render
from deployments.gateway.haproxy.control import RELOAD_SECONDS, Control, pause_until
from deployments.gateway.readiness import Proof, prove
from deployments.gateway.routing_table import RoutingTable, backend_name, load
from deployments.storage.files import locked, write

__all__ = ["Proof", "apply", "command", "ensure_config", "in_flight", "is_alive", "metrics", "prove", "replicas_down"]

MAX_CHANGES_IN_PLACE = 200  # a reload takes about as long as this many commands
_STOPPED, _RUNNING = "0", "2"  # srv_op_state


def apply(table: RoutingTable | None = None) -> None:
    """Make the running HAProxy equal to a table. Cheap when it is already.

    May be called from several threads and processes at once: of those who wait for a reload, the next one does the
    work of all.

    Args:
        table: nothing happens when one that was read later has been applied. None: what is in the database when it
            is this caller's turn.

    Raises:
        GatewayUnavailable: HAProxy does not run or did not obey. It starts with this table; apply it again.
        GatewayRejected: no valid configuration can be made of it. What ran before goes on.
    """
    here = place()
    if table is not None:
        _NEWEST.offer(table)
    with locked(here.folder / "lock"):
        _make_equal(here, load() if table is None else _NEWEST.table_or(table))


def ensure_config(otherwise: Callable[[], RoutingTable] = load) -> None:
    """Write the configuration that HAProxy starts with: the table that was last applied, with the present settings.

    Args:
        otherwise: gives the table when none is stored that can be used.

    Raises:
        GatewayRejected: HAProxy is missing or refuses the settings.
    """
    here = place()
    here.control.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(here.folder / "lock"):
        where = site()
        stored = files.stored(here, where)
        if stored is None:
            table = otherwise()
            stored = (table, render(table, where))
        files.put(here, *stored)


def command() -> list[str]:
    """Return how the supervisor starts HAProxy, after `ensure_config`."""
    return place().control.command()


def is_alive() -> bool:
    """Return whether HAProxy answers its socket."""
    return _running_digest(place().control) is not None


def in_flight(deployment_id: str, generation: int) -> int | None:
    """Return how many requests are open to a generation in all of HAProxy's workers, None when it cannot be asked.

    A worker from before a reload may still route to it: there, connections that are idle count too, because one
    more request may come through each of them (`option idle-close-on-response`; at most for its keep-alive time).
    """
    control = place().control
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
    """Return the names of the replicas whose health checks fail, all in one look. HAProxy checks every two seconds.

    Raises:
        GatewayUnavailable: it cannot be asked.
    """
    return place().control.down()


def metrics() -> str:
    """Return HAProxy's metrics in Prometheus's text format; a deployment is the label `proxy`.

    Raises:
        GatewayUnavailable: it cannot be asked.
    """
    return place().control.metrics()


def _make_equal(here: GatewayAddress, table: RoutingTable) -> None:
    where = site()
    new = render(table, where)
    running = _running_digest(here.control)
    if running == new.digest:
        if files.may_have_been_read_damaged(here) and files.put(here, table, new):
            _reload(here, new)
        return
    found = files.stored(here, where)
    if found is not None:
        stored, before = found
        # A reading in the future is from before this machine was started.
        if running == before.digest and table.read_at < stored.read_at <= time.monotonic_ns():
            return
        changes = list(_changes(before, new))
        if running == before.digest and before.skeleton == new.skeleton and len(changes) <= MAX_CHANGES_IN_PLACE:
            files.put(here, table, new, checked=True)
            _change(here.control, changes, new)
            return
    files.put(here, table, new)
    if running is None:
        raise GatewayUnavailable("The gateway does not run; it will start with the present routes.")
    _reload(here, new)
    if found is not None:
        _tell_old_workers(here.control, [change for change in _changes(found[1], new) if change.is_of_map])


def _reload(here: GatewayAddress, new: Rendered) -> None:
    """Start a worker with what is on disk and wait until it answers."""
    write(here.folder / "server-state", _carried_state(here.control, new))
    here.control.reload()
    end = time.monotonic() + RELOAD_SECONDS
    while _running_digest(here.control) != new.digest:
        if not pause_until(end):
            raise GatewayUnavailable("The gateway did not take its new configuration; its log says why.")
    write(here.folder / "server-state", "")
    _remove_old_sockets(here)


def _remove_old_sockets(here: GatewayAddress) -> None:
    """Remove the sockets of checks that no worker uses: all but that of the present one and of the one before."""
    sockets = sorted((here.folder / CHECKS_SOCKET).parent.glob(Path(CHECKS_SOCKET).name), key=os.path.getmtime)
    for path in sockets[:-2]:
        path.unlink(missing_ok=True)


def _carried_state(control: Control, new: Rendered) -> str:
    """Return the state file for a new worker: the servers that are down and have a healthy one beside them.

    A new worker takes every server for healthy until it has looked, which can take two seconds. That is right for a
    backend's only server, which nobody can stand in for, and wrong for one of several that is just starting again.
    """
    rows = control.servers_state()
    if len(rows) < 2 or rows[0] != ["1"]:
        return ""
    columns = {name: number for number, name in enumerate(rows[1][1:])}
    keys = ("be_name", "srv_name", "srv_addr", "srv_port", "srv_op_state")
    seen = [(" ".join(row), [row[columns[key]] for key in keys]) for row in rows[2:] if len(row) == len(columns)]
    healthy = {backend for _, (backend, *_, state) in seen if state == _RUNNING}
    kept = [
        line
        for line, (backend, server, host, port, state) in seen
        if state == _STOPPED and backend in healthy and new.servers.get(f"{backend}/{server}") == (host, int(port))
    ]
    return "\n".join(["1", " ".join(rows[1]), *kept]) + "\n" if kept else ""


@dataclass(frozen=True, kw_only=True)
class _Change:
    """One command of the runtime API.

    Args:
        expected: part of its answer when it worked and says something.
        is_of_map: whether it changes a map; old workers are told of those.
        backend: the backend that a worker must know to be told.
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
    # It has just been started: no traffic before it is healthy, if others can serve.
    waits = is_public and any(peer != server and peer.startswith(f"{backend}/") for peer in peers)
    if waits:
        yield down
    yield _Change(command=f"set server {server} addr {host} port {port}", expected="chang", is_of_map=False)
    yield _Change(command=f"set server {server} state ready", is_of_map=False)
    if waits:
        yield down  # leaving maintenance has taken it for healthy


def _change(control: Control, changes: list[_Change], new: Rendered) -> None:
    control.must(f"set map {STATE} {STATE_KEY} changing")
    for change in changes:
        control.must(change.command, expected=change.expected)
    control.must(f"set map {STATE} {STATE_KEY} {new.digest}")
    _tell_old_workers(control, changes)


def _tell_old_workers(control: Control, changes: list[_Change]) -> None:
    """Let connections that an old worker still has follow, too, as far as it knows the backends.

    What it answers does not matter: it may end at any moment, and `in_flight` counts what it may still do.
    """
    if not changes:
        return
    for worker in control.old_workers():
        try:
            known = control.load(worker=worker).requests
            for change in changes:
                if not change.backend or change.backend in known:
                    control.ask(change.command, worker=worker)
        except GatewayUnavailable:
            continue  # it has ended


def _running_digest(control: Control) -> str | None:
    """Return the digest of the table that HAProxy works on, None when it does not answer."""
    try:
        return control.map(STATE).get(STATE_KEY, "")
    except GatewayUnavailable:
        return None


class _Newest:
    """The table that was read last in this process: whoever has the lock next applies it for all who wait."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._table: RoutingTable | None = None

    def offer(self, table: RoutingTable) -> None:
        with self._lock:
            if self._table is None or self._table.read_at < table.read_at:
                self._table = table

    def table_or(self, table: RoutingTable) -> RoutingTable:
        with self._lock:
            return self._table if self._table and self._table.read_at > table.read_at else table


_NEWEST = _Newest()
