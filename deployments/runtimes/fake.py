"""A runtime in memory, for tests: its servers are rows, and they do what their command says.

    serve              becomes healthy; so do `python` and `python3`
    never              never becomes healthy
    wait               runs until it is stopped
    exit CODE [LINE]   writes lines to stderr (`$RANDOM` is a random word) and ends
    crash SIGNAL       is ended by a signal
    tell TEXT          writes a text with the values of its `$VARIABLES` to both streams and ends with 3

There is no other program.

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

import re
import secrets
import shlex
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from signal import Signals
from typing import Any

from deployments import reasons
from deployments.errors import CursorInvalid, RuntimeRejected, RuntimeUnavailable
from deployments.lifecycle import ExitReason, ReplicaPhase
from deployments.messages import TEXT, Message, render
from deployments.runtimes import messages
from deployments.runtimes.base import (
    ArtifactSource,
    Capabilities,
    ConnectionReport,
    Driver,
    Endpoint,
    LogLine,
    Node,
    Offer,
    OptionField,
    OptionType,
    Owner,
    ReplicaExit,
    ReplicaSpec,
    ReplicaStatus,
    Resources,
    StoredImage,
)
from deployments.runtimes.exit_cause import CauseFinder
from deployments.runtimes.placeholders import filled
from deployments.runtimes.redaction import Redaction

VARIANTS = ("", "slow", "never", "bad", "unreachable", "crowded")
CAPACITY = Resources(cpu_millis=64_000, memory_bytes=256_000_000_000, gpus=2)
NODES = (Node(name="fake", resources=CAPACITY),)
SLOW_CALLS = 3  # calls of `get` that a slow step takes
_OPTIONS = ("engine", "variant", "host", "port")
_SERVERS = {"serve", "python", "python3"}
_PROGRAMS = {*_SERVERS, "never", "wait", "exit", "crash", "tell"}
_LIVE = {ReplicaPhase.STARTING, ReplicaPhase.LISTENING, ReplicaPhase.HEALTHY, ReplicaPhase.STOPPING}
_VARIABLE = re.compile(r"\$(\w+)")


@dataclass
class Attempt:
    """One start of one replica."""

    spec: ReplicaSpec
    command: tuple[str, ...]
    status: ReplicaStatus
    lines: list[LogLine] = field(default_factory=list)
    calls: int = 0  # of `get` since its phase has changed
    endpoint: Endpoint | None = None  # once it is scheduled


@dataclass
class Engine:
    """What fake runtimes run on. Several connections, also of several installations, may use one.

    Args:
        replicas: name -> whose it is, and its attempts by their numbers.
        nodes: what replicas are placed on; they may come and go.
        has_room: whether a crowded runtime finds nodes for servers.
        images: those that are not in use.
        before_test: called before a test answers, for tests of what happens meanwhile.
        before_start: called before a start has an effect, for tests of what happens meanwhile.
    """

    replicas: dict[str, tuple[Owner, dict[int, Attempt]]] = field(default_factory=dict)
    nodes: tuple[Node, ...] = NODES
    before_start: Callable[[ReplicaSpec], None] = lambda spec: None
    has_room: bool = False
    images: list[StoredImage] = field(default_factory=list)
    before_test: Callable[[], None] = lambda: None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def kill(self, name: str, signal: int = 9) -> None:
        """End the server of a replica by a signal, as from outside."""
        with self.lock:
            attempts = self.replicas[name][1]
            _end(
                attempts[max(attempts)],
                ExitReason.SIGNALED,
                _killed(signal),
                signal=signal,
            )


_engines: dict[str, Engine] = {}
offers: list[Offer] = []  # what a look at this machine finds


def engine(name: str = "") -> Engine:
    """Return the engine of a name, the same one in all of this process."""
    return _engines.setdefault(name, Engine())


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
                _run(current)

    def stop(self, name: str, attempt: int) -> None:
        self._ask()
        with self._engine.lock:
            for number, current in self._attempts(name).items():
                if number <= attempt and current.status.phase is not ReplicaPhase.EXITED:
                    current.status = replace(current.status, phase=ReplicaPhase.STOPPING)
                    current.calls = 0
                    if self._variant != "slow":
                        _end(current, ExitReason.STOPPED, Message(messages.STOPPED_AS_ASKED))

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
            _run(current)
        if current.status.phase not in _LIVE:
            return
        current.calls += 1
        if self._variant == "slow" and current.calls < SLOW_CALLS:
            return
        if current.status.phase is ReplicaPhase.STOPPING:
            _end(current, ExitReason.STOPPED, Message(messages.STOPPED_AS_ASKED))
        elif current.command[0] in _SERVERS and self._variant != "never":
            current.status = replace(current.status, phase=ReplicaPhase.HEALTHY)


def _run(current: Attempt) -> None:
    """Execute a command; those that end, end at once."""
    program, *arguments = current.command
    if program not in _PROGRAMS:
        _end(current, ExitReason.NOT_STARTED, Message(messages.PROGRAM_MISSING, {"program": program}), code=127)
    elif program == "exit":
        for line in arguments[1:]:
            _write(
                current, "stderr", line.replace("$RANDOM", "".join(secrets.choice("ghijklmnop") for _ in range(20)))
            )
        code = int(arguments[0])
        _end(current, ExitReason.EXITED, Message(messages.SERVER_EXITED, {"code": code}), code=code)
    elif program == "crash":
        number = int(arguments[0])
        _end(current, ExitReason.SIGNALED, _killed(number), signal=number)
    elif program == "tell":
        env = current.spec.env | current.spec.secret_env
        text = _VARIABLE.sub(lambda match: env.get(match[1], ""), " ".join(arguments))
        for stream in ("stdout", "stderr"):
            _write(current, stream, text)
        _end(current, ExitReason.EXITED, Message(messages.SERVER_EXITED, {"code": 3}), code=3)
    else:
        _write(current, "launchpad", f"Starting: {shlex.join(current.command)}")


def _write(current: Attempt, stream: str, text: str) -> None:
    text = Redaction(current.spec.secret_env.values()).redact(text)
    name, attempt = current.spec.name, current.spec.attempt
    at = datetime.now(UTC)
    cursor = f"{at.timestamp()!r} {name} {attempt} {len(current.lines)}"
    current.lines.append(LogLine(at=at, replica=name, attempt=attempt, stream=stream, text=text, cursor=cursor))


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


def _end(
    current: Attempt, reason: ExitReason, message: Message, *, code: int | None = None, signal: int | None = None
) -> None:
    cause = CauseFinder()
    for line in current.lines:
        if line.stream != "launchpad":
            cause.note(line.stream, line.text, line.at.timestamp())
    ended_by_itself = reason in {ExitReason.EXITED, ExitReason.SIGNALED}
    error, at = cause.cause(last_line=reason is ExitReason.EXITED) if ended_by_itself else ("", 0.0)
    _write(current, "launchpad", render(message))
    exit = ReplicaExit(
        reason=reason,
        code=code,
        signal=signal,
        message=message,
        first_error=error,
        first_error_at=datetime.fromtimestamp(at, UTC) if at else None,
        at=datetime.now(UTC),
    )
    current.status = replace(current.status, phase=ReplicaPhase.EXITED, detail=None, exit=exit)


def _killed(number: int) -> Message:
    return Message(messages.SERVER_KILLED, {"number": number, "name": Signals(number).name})


def _check_options(options: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    if unknown := options.keys() - set(_OPTIONS):
        return f"There is no option {', '.join(sorted(unknown))} here."
    return "" if options.get("variant", "") in VARIANTS else f"The variant is one of {', '.join(VARIANTS[1:])}."


def _test(options: Mapping[str, Any], secrets: Mapping[str, str]) -> ConnectionReport | Message:
    if problem := _check_options(options, ()):
        return TEXT(text=problem)
    engine(options.get("engine", "")).before_test()
    if options.get("variant") == "unreachable":
        return TEXT(text="The fake runtime does not answer.")
    if secrets.get("token") == "wrong":
        return TEXT(text="The fake runtime refuses the token.")
    return ConnectionReport(
        version="Fake 1.0",
        cpu_millis=CAPACITY.cpu_millis,
        memory_bytes=CAPACITY.memory_bytes,
        gpus=CAPACITY.gpus,
        disk_free_bytes=1_000_000_000_000,
        facts=[("Engine", options.get("engine", "") or "the only one")],
    )


_OPTION_FIELDS = (
    OptionField(name="engine", label="Engine", help="Connections with the same one share it."),
    OptionField(
        name="variant",
        label="Variant",
        type=OptionType.CHOICE,
        choices=tuple((variant, variant or "as others") for variant in VARIANTS),
    ),
    OptionField(name="host", label="Host", help="The server that all endpoints lead to."),
    OptionField(name="port", label="Port", type=OptionType.NUMBER, is_whole=True, minimum=1),
    OptionField(name="token", label="Token", type=OptionType.SECRET),
)

DRIVER = Driver(
    kind="fake",
    label="Fake",
    capabilities=Capabilities(images=True, gpus=True),
    open=FakeRuntime,
    check_options=_check_options,
    option_fields=_OPTION_FIELDS,
    test=_test,
    address=lambda options: f"fake://{options.get('engine', '')}",
    offers=lambda: list(offers),
    check=lambda name, server: None,
    is_for_tests=True,
)
CLUSTER = replace(
    DRIVER,
    kind="fake-cluster",
    capabilities=Capabilities(images=True, gpus=True, schedules_itself=True),
    offers=lambda: (),
)
