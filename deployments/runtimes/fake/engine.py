"""What fake runtimes run on, in memory: its servers are rows, and they do what their command says.

    serve              becomes healthy; so do `python` and `python3`
    never              never becomes healthy
    wait               runs until it is stopped
    exit CODE [LINE]   writes lines to stderr (`$RANDOM` is a random word) and ends
    crash SIGNAL       is ended by a signal
    tell TEXT          writes a text with the values of its `$VARIABLES` to both streams and ends with 3

There is no other program.
"""

from __future__ import annotations

import re
import secrets
import shlex
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from signal import Signals

from deployments.lifecycle import ExitReason, ReplicaPhase
from deployments.messages import Message, render
from deployments.runtimes import messages
from deployments.runtimes.base import (
    Endpoint,
    LogLine,
    Node,
    Owner,
    ReplicaExit,
    ReplicaSpec,
    ReplicaStatus,
    Resources,
    StoredImage,
)
from deployments.runtimes.exit_cause import CauseFinder
from deployments.runtimes.redaction import Redaction

CAPACITY = Resources(cpu_millis=64_000, memory_bytes=256_000_000_000, gpus=2)
NODES = (Node(name="fake", resources=CAPACITY),)
SERVERS = {"serve", "python", "python3"}
_PROGRAMS = {*SERVERS, "never", "wait", "exit", "crash", "tell"}
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
            end_attempt(
                attempts[max(attempts)],
                ExitReason.SIGNALED,
                _killed(signal),
                signal=signal,
            )


_engines: dict[str, Engine] = {}


def engine(name: str = "") -> Engine:
    """Return the engine of a name, the same one in all of this process."""
    return _engines.setdefault(name, Engine())


def execute(current: Attempt) -> None:
    """Execute a command; those that end, end at once."""
    program, *arguments = current.command
    if program not in _PROGRAMS:
        end_attempt(current, ExitReason.NOT_STARTED, Message(messages.PROGRAM_MISSING, {"program": program}), code=127)
    elif program == "exit":
        for line in arguments[1:]:
            _write(
                current, "stderr", line.replace("$RANDOM", "".join(secrets.choice("ghijklmnop") for _ in range(20)))
            )
        code = int(arguments[0])
        end_attempt(current, ExitReason.EXITED, Message(messages.SERVER_EXITED, {"code": code}), code=code)
    elif program == "crash":
        number = int(arguments[0])
        end_attempt(current, ExitReason.SIGNALED, _killed(number), signal=number)
    elif program == "tell":
        env = current.spec.env | current.spec.secret_env
        text = _VARIABLE.sub(lambda match: env.get(match[1], ""), " ".join(arguments))
        for stream in ("stdout", "stderr"):
            _write(current, stream, text)
        end_attempt(current, ExitReason.EXITED, Message(messages.SERVER_EXITED, {"code": 3}), code=3)
    else:
        _write(current, "launchpad", f"Starting: {shlex.join(current.command)}")


def _write(current: Attempt, stream: str, text: str) -> None:
    text = Redaction(current.spec.secret_env.values()).redact(text)
    name, attempt = current.spec.name, current.spec.attempt
    at = datetime.now(UTC)
    cursor = f"{at.timestamp()!r} {name} {attempt} {len(current.lines)}"
    current.lines.append(LogLine(at=at, replica=name, attempt=attempt, stream=stream, text=text, cursor=cursor))


def end_attempt(
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
