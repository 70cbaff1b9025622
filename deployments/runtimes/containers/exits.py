"""How a container ended, from what the engine and, of this machine's, the kernel say."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deployments.lifecycle import ExitReason
from deployments.messages import TEXT, Message
from deployments.runtimes import messages as shared
from deployments.runtimes.base import ReplicaExit
from deployments.runtimes.containers import messages
from deployments.runtimes.containers.frames import at_time, time_of
from deployments.runtimes.containers.labels import Values
from deployments.runtimes.containers.memory import Verdict, verdict_on
from deployments.runtimes.exit_messages import exit_message, signal_message

_SIGNALS = 128  # added to the number of the signal that has ended the first process of a container
_CLOCK_SLACK = 2.0  # seconds that the engine's clock may be behind ours


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A container that has ended.

    Args:
        state: as the engine shows it.
        stopped_at: when it was told to stop, seconds since 1970; None when it was not.
        is_local: whether its kernel is this machine's.
        memory_bytes: what it used when it was last measured, None when it never was.
    """

    container: str
    state: Mapping[str, Any]
    values: Values
    stopped_at: float | None
    is_local: bool
    memory_bytes: int | None


def exit_of(ended: Ended, control_groups: Callable[[], str]) -> ReplicaExit:
    """Return how it ended, without the cause in its log.

    Args:
        control_groups: returns their version at the engine, "1" or "2".
    """
    finished = time_of(str(ended.state.get("FinishedAt", "")))
    at = at_time(finished) if finished else datetime.now(UTC)
    code = int(ended.state.get("ExitCode") or 0)
    if ended.stopped_at is not None and at.timestamp() > ended.stopped_at - _CLOCK_SLACK:
        return ReplicaExit(reason=ExitReason.STOPPED, message=_stopped(ended, code, at), at=at)
    if bool(ended.state.get("OOMKilled")):
        return _out_of_memory(ended, at)
    number = code - _SIGNALS
    if number == signal.SIGKILL:
        return _killed(ended, at, control_groups)
    if number in set(signal.Signals):
        message = _message(signal_message(number, machine_ran_out=False))
        return ReplicaExit(reason=ExitReason.SIGNALED, signal=number, message=message, at=at)
    message = _message(exit_message(code, machine_ran_out=False))
    return ReplicaExit(reason=ExitReason.EXITED, code=code, message=message, at=at)


def _stopped(ended: Ended, code: int, at: datetime) -> Message:
    took = at.timestamp() - (ended.stopped_at or 0)
    if code == _SIGNALS + signal.SIGKILL and took >= ended.values.grace_seconds:
        return Message(shared.KILLED_AFTER_GRACE, {"grace_seconds": ended.values.grace_seconds})
    return Message(shared.STOPPED_AS_ASKED)


def _out_of_memory(ended: Ended, at: datetime) -> ReplicaExit:
    message = Message(shared.OUT_OF_MEMORY, {"memory_bytes": ended.values.memory_bytes})
    return ReplicaExit(reason=ExitReason.OUT_OF_MEMORY, message=message, at=at)


def _killed(ended: Ended, at: datetime, control_groups: Callable[[], str]) -> ReplicaExit:
    """Return the end of a container that was killed, which the engine does not call an end for memory."""
    verdict = verdict_on(ended.container) if ended.is_local else Verdict.UNKNOWN
    if verdict is Verdict.LIMIT:
        return _out_of_memory(ended, at)
    number = int(signal.SIGKILL)
    message = _message(signal_message(number, machine_ran_out=verdict is Verdict.MACHINE))
    if verdict is Verdict.UNKNOWN and control_groups() != "2":
        params = {"memory_bytes": ended.values.memory_bytes}
        params |= {"used_bytes": ended.memory_bytes} if ended.memory_bytes is not None else {}
        message = Message(message.reason, {**message.params, "also": Message(messages.LIMIT_MAY_BE_HIT, params)})
    return ReplicaExit(reason=ExitReason.SIGNALED, signal=number, message=message, at=at)


def _message(said: Mapping[str, Any]) -> Message:
    return Message.from_json(said) or TEXT()
