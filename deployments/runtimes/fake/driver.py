"""A runtime in memory, for tests (the contract is `base.Runtime`). What its servers do is in `engine.py`.

An engine has one node, or those that `Engine.nodes` says; a replica starts on its node only while that is there.

Options of a connection: `engine` names the engine, which connections may share; `variant` is one of

    slow          a server is healthy after three calls of `get`, and stopped after three more
    never         no server becomes healthy
    bad           it names endpoints that nothing can be sent to
    unreachable   no call is answered
    crowded       it finds no node for a server until `Engine.has_room`

and `host`, `port` name the server that all endpoints lead to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from deployments import reasons
from deployments.errors import CursorInvalid, RuntimeRejected, RuntimeUnavailable
from deployments.lifecycle import ExitReason, ReplicaPhase
from deployments.messages import Message
from deployments.runtimes import messages
from deployments.runtimes.base import (
    ArtifactSource,
    Endpoint,
    LogLine,
    Node,
    Owner,
    ReplicaSpec,
    ReplicaStatus,
    StoredImage,
)
from deployments.runtimes.fake.engine import SERVERS, Attempt, end_attempt, engine, execute
from deployments.runtimes.placeholders import filled
from deployments.runtimes.redaction import Redaction

VARIANTS = ("", "slow", "never", "bad", "unreachable", "crowded")
SLOW_CALLS = 3  # calls of `get` that a slow step takes
_LIVE = {ReplicaPhase.STARTING, ReplicaPhase.LISTENING, ReplicaPhase.HEALTHY, ReplicaPhase.STOPPING}


class FakeRuntime:
    """Runs replicas in memory (the contract is `base.Runtime`)."""

    def __init__(self, owner: Owner, options: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        self._owner = owner
        self._engine = engine(options.get("engine", ""))
        self._variant = options.get("variant", "")
        self._address = (options.get("host", "127.0.0.1"), int(options.get("port", 9)))
        self._redaction = Redaction(secrets.values())

    def nodes(self) -> Sequence[Node]:
        self._ask()
        return self._engine.nodes

    def start(self, spec: ReplicaSpec) -> None:
        self._ask()
        self._engine.before_start(spec)
        with self._engine.lock:
            owner, attempts = self._engine.replicas.get(spec.name, (self._owner, {}))
            if owner != self._owner:
                raise RuntimeRejected(Message(messages.REPLICA_OF_ANOTHER, {"replica": spec.name}))
            if spec.attempt in attempts or any(number > spec.attempt for number in attempts):
                return
            if spec.node and spec.node not in {node.name for node in self._engine.nodes}:
                raise RuntimeRejected(reasons.NODE_MISSING(node=spec.node))
            host, port = self._address
            paths = {fetch.placeholder: f"/artifacts/{fetch.placeholder}" for fetch in spec.fetches}
            command = tuple(filled(item, port=port, artifacts=paths) for item in (*spec.command, *spec.args))
            endpoint = Endpoint(host="no address" if self._variant == "bad" else host, port=port)
            status = ReplicaStatus(
                name=spec.name,
                attempt=spec.attempt,
                phase=ReplicaPhase.STARTING,
                endpoint=endpoint,
                started_at=datetime.now(UTC),
            )
            current = attempts[spec.attempt] = Attempt(spec=spec, command=command, status=status)
            self._engine.replicas[spec.name] = (owner, attempts)
            if self._variant == "crowded" and not self._engine.has_room:
                short = reasons.GPU_SHORT(need=spec.resources.gpus + 1, free=0)
                current.status = replace(status, phase=ReplicaPhase.SCHEDULING, endpoint=None, detail=short)
                current.endpoint = endpoint
            else:
                execute(current)

    def stop(self, name: str, attempt: int) -> None:
        self._ask()
        with self._engine.lock:
            for number, current in self._attempts(name).items():
                if number <= attempt and current.status.phase is not ReplicaPhase.EXITED:
                    current.status = replace(current.status, phase=ReplicaPhase.STOPPING)
                    current.calls = 0
                    if self._variant != "slow":
                        end_attempt(current, ExitReason.STOPPED, Message(messages.STOPPED_AS_ASKED))

    def get(self, deployment_id: str, *, probe: bool = True) -> Sequence[ReplicaStatus]:
        self._ask()
        with self._engine.lock:
            attempts = [self._last(name) for name in self._names(f"{deployment_id}-")]
            for current in attempts if probe else ():
                self._advance(current)
            return [current.status for current in attempts]

    def list_all(self) -> Sequence[ReplicaStatus]:
        self._ask()
        with self._engine.lock:
            return [self._last(name).status for name in self._names("")]

    def delete(self, name: str) -> None:
        self._ask()
        with self._engine.lock:
            attempts = self._attempts(name)
            if attempts and all(current.status.phase is ReplicaPhase.EXITED for current in attempts.values()):
                del self._engine.replicas[name]

    def remove_unused(self, groups: Iterable[str], artifacts: Iterable[tuple[str, ArtifactSource]]) -> int:
        self._ask()
        return 0

    def logs(
        self,
        deployment_id: str,
        *,
        limit: int = 1000,
        cursor: str = "",
        start: datetime | None = None,
        end: datetime | None = None,
        newest_first: bool = False,
        replica: str = "",
        attempt: int | None = None,
    ) -> Sequence[LogLine]:
        self._ask()
        with self._engine.lock:
            lines = sorted(
                (
                    line
                    for name in self._names(f"{deployment_id}-")
                    for number, current in self._attempts(name).items()
                    if replica in ("", name) and attempt in (None, number)
                    for line in current.lines
                    if (start is None or start <= line.at) and (end is None or line.at < end)
                ),
                key=lambda line: _place(line.cursor),
                reverse=newest_first,
            )
        if cursor:
            after = _place(cursor)
            lines = [line for line in lines if (_place(line.cursor) < after) is newest_first and line.cursor != cursor]
        return lines[:limit]

    def unfinished_lines(self, deployment_id: str) -> Sequence[LogLine]:
        self._ask()
        return []

    def unused_images(self) -> Sequence[StoredImage]:
        self._ask()
        return list(self._engine.images)

    def remove_unused_images(self) -> Sequence[StoredImage]:
        self._ask()
        with self._engine.lock:
            removed, self._engine.images = self._engine.images, []
        return removed

    def _ask(self) -> None:
        """Raise RuntimeUnavailable if the engine is unreachable, with a redacted message as of a real engine."""
        if self._variant == "unreachable":
            raise RuntimeUnavailable(self._redaction.redact("The fake runtime does not answer."))

    def _names(self, prefix: str) -> list[str]:
        return sorted(
            name
            for name, (owner, _) in self._engine.replicas.items()
            if owner == self._owner and name.startswith(prefix)
        )

    def _attempts(self, name: str) -> dict[int, Attempt]:
        owner, attempts = self._engine.replicas.get(name, (self._owner, {}))
        return attempts if owner == self._owner else {}

    def _last(self, name: str) -> Attempt:
        attempts = self._attempts(name)
        return attempts[max(attempts)]

    def _advance(self, current: Attempt) -> None:
        """Count one more call of `get`, after which a server may change its phase."""
        if current.status.phase is ReplicaPhase.SCHEDULING and self._engine.has_room:
            current.status = replace(
                current.status, phase=ReplicaPhase.STARTING, endpoint=current.endpoint, detail=None
            )
            execute(current)
        if current.status.phase not in _LIVE:
            return
        current.calls += 1
        if self._variant == "slow" and current.calls < SLOW_CALLS:
            return
        if current.status.phase is ReplicaPhase.STOPPING:
            end_attempt(current, ExitReason.STOPPED, Message(messages.STOPPED_AS_ASKED))
        elif current.command[0] in SERVERS and self._variant != "never":
            current.status = replace(current.status, phase=ReplicaPhase.HEALTHY)


def _place(cursor: str) -> tuple[float, str, int, int]:
    """Return the sort key of a line from its cursor.

    Raises:
        CursorInvalid: it was not made by this runtime.
    """
    try:
        at, replica, attempt, number = cursor.split(" ")
        return float(at), replica, int(attempt), int(number)
    except ValueError as error:
        raise CursorInvalid("The log cannot be read on from there.") from error
