"""Determines the status of replicas from the containers of the engine and our records."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from deployments.lifecycle import ExitReason, ReplicaPhase
from deployments.messages import Message, render_english
from deployments.runtimes import messages as shared
from deployments.runtimes.base import Endpoint, Owner, ReplicaExit, ReplicaStatus
from deployments.runtimes.containers import labels, messages, preparing
from deployments.runtimes.containers.exits import Ended, exit_of
from deployments.runtimes.containers.frames import Span, time_of
from deployments.runtimes.containers.logs import Source, cause
from deployments.runtimes.containers.options import HOST_NETWORK, ContainerOptions
from deployments.runtimes.containers.records import Record, Records
from deployments.runtimes.containers.usage import Usage
from deployments.runtimes.processes import is_alive
from deployments.runtimes.redaction import Redaction

_LIVE = {"running", "paused", "restarting", "stopping"}
_WITH_CAUSE = {ExitReason.EXITED, ExitReason.SIGNALED, ExitReason.OUT_OF_MEMORY}
_STARTED = "STARTED"  # the phase of a record whose container runs or has run


@dataclass(frozen=True, kw_only=True)
class Container:
    """A server's container, as a list of the engine shows it.

    Args:
        state: "created", "running", "exited" ...
        ports: port in the container -> published port.
    """

    id: str
    replica: str
    attempt: int
    state: str
    values: labels.Values
    ports: Mapping[int, int]

    @property
    def is_live(self) -> bool:
        return self.state in _LIVE


def containers(client: APIClient, owner: Owner, *more: str) -> list[Container]:
    """Return the containers of servers of a connection; with one call.

    Args:
        more: labels that they have beside those of their owner.
    """
    filters = [*labels.owner_filter(owner), f"{labels.ROLE}={labels.SERVER}", *more]
    rows = client.containers(all=True, filters={"label": filters})
    return [container for container in map(_container, rows) if container is not None]


def _container(row: Mapping[str, Any]) -> Container | None:
    row_labels = row.get("Labels") or {}
    values = labels.values_of(row_labels)
    if values is None or not str(row_labels.get(labels.ATTEMPT, "")).isdigit():
        return None  # not made by us, although it has our labels
    ports = {
        int(binding["PrivatePort"]): int(binding["PublicPort"])
        for binding in row.get("Ports") or ()
        if binding.get("PublicPort") and ":" not in str(binding.get("IP", ""))
    }
    return Container(
        id=row["Id"],
        replica=row_labels[labels.REPLICA],
        attempt=int(row_labels[labels.ATTEMPT]),
        state=str(row.get("State", "")).lower(),
        values=values,
        ports=ports,
    )


@dataclass
class Reader:
    """Reads the replicas of one connection.

    Args:
        address: where published ports are reached.
        is_local: whether the engine's kernel is this machine's.
        info: returns what the engine tells of itself.
    """

    owner: Owner
    options: ContainerOptions
    records: Records
    usage: Usage
    address: str
    is_local: bool
    info: Callable[[APIClient], Mapping[str, Any]]
    _details: dict[str, dict[str, Any]] = field(default_factory=dict)  # container -> what does not change any more

    def statuses(self, client: APIClient, deployment_id: str = "") -> list[tuple[ReplicaStatus, Container | None]]:
        """Return the last attempt of each replica, of one deployment or of all."""
        more = (f"{labels.DEPLOYMENT}={deployment_id}",) if deployment_id else ()
        prefix = f"{deployment_id}-" if deployment_id else ""
        by_name: dict[str, dict[int, Container]] = {}
        for container in containers(client, self.owner, *more):
            by_name.setdefault(container.replica, {})[container.attempt] = container
        names = sorted({*by_name, *self.records.replicas(prefix)})
        statuses = [self._last(client, name, by_name.get(name, {})) for name in names]
        return [status for status in statuses if status is not None]

    def attempts(self, client: APIClient, deployment_id: str) -> Iterator[tuple[str, int, Container | None]]:
        """Yield name, number and container of every attempt of a deployment."""
        by_attempt = {
            (container.replica, container.attempt): container
            for container in containers(client, self.owner, f"{labels.DEPLOYMENT}={deployment_id}")
        }
        names = self.records.replicas(f"{deployment_id}-")
        recorded = {(name, number) for name in names for number in self.records.attempts(name)}
        for name, number in sorted({*by_attempt, *recorded}):
            yield name, number, by_attempt.get((name, number))

    def source(self, client: APIClient, replica: str, attempt: int, container: Container | None) -> Source:
        """Return where the log of an attempt comes from."""
        record = self.records.read(replica, attempt)
        words = record.lines if record else ()
        if container is None or container.state == "created":
            span, redaction = Span(), Redaction(())
        else:
            details = self._inspect(client, container)
            state = details.get("State") or {}
            span = Span(began=time_of(state.get("StartedAt", "")), ended=time_of(state.get("FinishedAt", "")))
            redaction = Redaction(_secrets(details, container.values.secret_env))
        return Source(
            replica=replica,
            attempt=attempt,
            container=container.id if container and container.state != "created" else "",
            span=span,
            words=words,
            redaction=redaction,
            has_ended=container is None or not container.is_live,
        )

    def _last(
        self, client: APIClient, name: str, by_number: Mapping[int, Container]
    ) -> tuple[ReplicaStatus, Container | None] | None:
        for number in sorted({*by_number, *self.records.attempts(name)}, reverse=True):
            container = by_number.get(number)
            if (status := self.status(client, name, number, container)) is not None:
                return status, container
        return None

    def status(self, client: APIClient, name: str, number: int, container: Container | None) -> ReplicaStatus | None:
        """Return how far an attempt is, None when it has to be started (again)."""
        record = self.records.read(name, number)
        began = record.at if record else container.values.began if container else 0.0
        status = ReplicaStatus(
            name=name,
            attempt=number,
            phase=ReplicaPhase.STARTING,
            endpoint=self.endpoint(container) if container else None,
            started_at=datetime.fromtimestamp(began, UTC),
        )
        if record is not None and record.exit is not None:
            return replace(status, phase=ReplicaPhase.EXITED, exit=record.exit)
        stopped_at = self.records.stopped_at(name, number)
        is_live = container is not None and container.is_live  # also while the thread that started it is not done yet
        if record is not None and not is_live and self._is_prepared(name, number, record):
            phase = ReplicaPhase(record.phase) if record.phase != _STARTED else ReplicaPhase.STARTING
            if stopped_at is not None:
                return replace(status, phase=ReplicaPhase.STOPPING)
            return replace(status, phase=phase, detail=record.detail)
        if container is None:
            return self._without_container(client, status)
        if container.state == "created":
            return None
        if not container.is_live:
            return replace(status, phase=ReplicaPhase.EXITED, exit=self._note_exit(client, container, record))
        if stopped_at is not None:
            self._kill_when_late(client, container, stopped_at)
            return replace(status, phase=ReplicaPhase.STOPPING)
        healthy = self.records.is_healthy(name, number)
        return replace(status, phase=ReplicaPhase.HEALTHY if healthy else ReplicaPhase.STARTING)

    def _is_prepared(self, name: str, number: int, record: Record) -> bool:
        """Return whether a thread of this or of another process prepares it now."""
        if preparing.is_running_here(self.records, name, number):
            return True
        return record.worker[0] != os.getpid() and record.phase != _STARTED and is_alive([*record.worker])

    def _without_container(self, client: APIClient, status: ReplicaStatus) -> ReplicaStatus | None:
        """Return the status of an attempt that the list of the engine did not have.

        Its preparation may have ended since: then there is an end now, or a container.
        """
        record = self.records.read(status.name, status.attempt)
        if record is None:
            return None
        if record.exit is not None:
            return replace(status, phase=ReplicaPhase.EXITED, exit=record.exit)
        present = [
            container
            for container in containers(client, self.owner, f"{labels.REPLICA}={status.name}")
            if container.attempt == status.attempt
        ]
        if present:
            return self.status(client, status.name, status.attempt, present[0])
        if record.phase != _STARTED:
            return None
        lost = ReplicaExit(reason=ExitReason.LOST, message=Message(messages.CONTAINER_LOST), at=datetime.now(UTC))
        self._write_exit(status.name, status.attempt, record, lost)
        return replace(status, phase=ReplicaPhase.EXITED, exit=lost)

    def endpoint(self, container: Container) -> Endpoint | None:
        """Return where a server is reached, None while the engine has not decided it."""
        port = self.port_of(container, container.values.port)
        return Endpoint(host=self.address, port=port) if port else None

    def port_of(self, container: Container, port: int) -> int | None:
        """Return by which port a port of a server is reached."""
        return port if self.options.network == HOST_NETWORK else container.ports.get(port)

    # --- the end ------------------------------------------------------------------------------------------------

    def _kill_when_late(self, client: APIClient, container: Container, stopped_at: float) -> None:
        """Kill a server that has not ended within its grace time; any call does it, so that none has to wait."""
        if time.time() - stopped_at > container.values.grace_seconds:
            with suppress(APIError):  # it has ended meanwhile
                client.kill(container.id, signal="SIGKILL")

    def _note_exit(self, client: APIClient, container: Container, record: Record | None) -> ReplicaExit:
        name, number = container.replica, container.attempt
        try:
            state = client.inspect_container(container.id)["State"]
        except NotFound:
            state = {}
        ended = exit_of(
            Ended(
                container=container.id,
                state=state,
                values=container.values,
                stopped_at=self.records.stopped_at(name, number),
                is_local=self.is_local,
                memory_bytes=self.usage.last_memory(container.id),
            ),
            lambda: str(self.info(client).get("CgroupVersion") or ""),
        )
        if ended.reason in _WITH_CAUSE:
            is_killed = ended.reason is not ExitReason.EXITED and ended.signal in {None, 9}
            source = self.source(client, name, number, container)
            error, at = cause(client, source, last_line=not is_killed)
            ended = replace(ended, first_error=error, first_error_at=at)
        self._write_exit(name, number, record, ended, began=container.values.began)
        return ended

    def note_stop(self, name: str, number: int, record: Record) -> None:
        """Note the end of an attempt that has no container yet."""
        message = Message(shared.STOPPED_BEFORE_START)
        ended = ReplicaExit(reason=ExitReason.STOPPED, message=message, at=datetime.now(UTC))
        self._write_exit(name, number, record, ended)

    def _write_exit(
        self, name: str, number: int, record: Record | None, ended: ReplicaExit, *, began: float = 0.0
    ) -> None:
        record = record or Record(at=began, worker=(0, ""))
        line = (int(ended.at.timestamp() * 1e6) * 1000, render_english(ended.message))
        last = record.lines[-1][0] if record.lines else 0
        line = (max(line[0], last), line[1])
        self.records.write(name, number, replace(record, exit=ended, phase=_STARTED, lines=(*record.lines, line)))

    def _inspect(self, client: APIClient, container: Container) -> dict[str, Any]:
        """Return the details of a container, asked for once while it lives and once after its end."""
        key = f"{container.id} {container.is_live}"
        if key not in self._details:
            try:
                self._details[key] = client.inspect_container(container.id)
            except NotFound:
                return {}
            if len(self._details) > 1000:
                self._details.pop(next(iter(self._details)))
        return self._details[key]


def _secrets(details: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    env = (details.get("Config") or {}).get("Env") or []
    pairs = (variable.partition("=") for variable in env)
    return [value for name, _, value in pairs if name in names]
