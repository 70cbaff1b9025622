"""Plans the replicas of a generation: start, restart, stop, release. Pure, as `plan.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from deployments import reasons
from deployments.lifecycle import DEADLINES, ExitReason, ReplicaPhase, Step, is_permanent
from deployments.messages import Message
from deployments.reconciler.core.state import (
    Action,
    GenerationState,
    KillReplica,
    Release,
    ReplicaState,
    ResetRestartCount,
    Restart,
    Start,
    Stop,
)

RESTART_LIMIT = 5
RESTART_PAUSE_MAX = timedelta(seconds=60)
RESTARTS_FORGOTTEN_AFTER = timedelta(minutes=10)
UNHEALTHY_LIMIT = timedelta(seconds=60)

_ABSENT = {None, ReplicaPhase.EXITED}


def is_present(replica: ReplicaState) -> bool:
    return replica.phase not in _ABSENT


def release(generation: GenerationState) -> list[Action]:
    """Stop running replicas; release the resources once none runs.

    A replica that the runtime does not list is stopped, too: a reconcile that lost its lease may be about to start it,
    and the fence that is set by stopping it undoes such a start.
    """
    if not generation.is_reserved:
        return []
    stops: list[Action] = [
        Stop(replica.name)
        for replica in generation.replicas
        if replica.phase not in {ReplicaPhase.EXITED, ReplicaPhase.STOPPING}
    ]
    if any(is_present(replica) for replica in generation.replicas):
        return stops
    return [*stops, Release(generation.number)]


@dataclass(frozen=True, kw_only=True)
class ReplicaPlan:
    actions: tuple[Action, ...] = ()
    failure: Message | None = None


def plan_replicas(now: datetime, generation: GenerationState) -> ReplicaPlan:
    """Start, restart and stop the replicas of a generation; report when they cannot be started."""
    actions: list[Action] = []
    failures: list[Message] = []
    alive = any(replica.phase is ReplicaPhase.HEALTHY for replica in generation.replicas)
    was_up = Step.ROUTED in generation.steps
    for replica in generation.replicas:
        if replica.phase is None:
            if replica.restart_at is None or now >= replica.restart_at:
                actions.append(Start(replica.name))
        elif replica.phase is ReplicaPhase.EXITED:
            if replica.exit_reason is ExitReason.STOPPED and not replica.killed_because:
                # Stopped from outside the reconciler, e.g. with Launchpad itself: not a failure of the server.
                actions.append(Restart(replica.name, timedelta(0), replica.exit_message, counted=False))
                continue
            cause = replica.killed_because or replica.exit_message
            if _is_final(replica, was_up=was_up) and not (alive and was_up):
                failures.append(cause or reasons.NO_SERVER_ANSWERS())
            actions.append(Restart(replica.name, _pause(replica.restarts), cause))
        elif was_up and (cause := _hangs(now, generation, replica)):
            actions.append(KillReplica(replica.name, cause))
        elif replica.restarts and replica.healthy_since and now - replica.healthy_since >= RESTARTS_FORGOTTEN_AFTER:
            actions.append(ResetRestartCount(replica.name))
    return ReplicaPlan(failure=failures[0]) if failures else ReplicaPlan(actions=tuple(actions))


def _is_final(replica: ReplicaState, *, was_up: bool) -> bool:
    """Return whether there is no further attempt. A server that has served gets more: it has worked once."""
    permanent = replica.exit_permanent or is_permanent(replica.exit_reason, replica.exit_code)
    if not was_up and (permanent or replica.exit_repeats):
        return True
    limit = 1 if replica.exit_reason is ExitReason.NOT_STARTED else RESTART_LIMIT
    return replica.restarts >= limit


def _pause(restarts: int) -> timedelta:
    """Return the pause before a restart: 1 s, doubling up to 60 s."""
    return min(RESTART_PAUSE_MAX, timedelta(seconds=2 ** min(restarts, 10)))


def deadline(generation: GenerationState, *steps: Step) -> timedelta:
    """Return how long steps may take together: the template's deadline of each, else the default."""
    return sum((generation.deadlines.get(step, DEADLINES[step]) for step in steps), timedelta())


def _hangs(now: datetime, generation: GenerationState, replica: ReplicaState) -> Message | None:
    """Return why a running replica hangs: unresponsive after it was healthy, or too slow to become healthy."""
    began = replica.attempt_began_at or now
    hangs = reasons.HEALTH_PATH_SILENT
    if replica.phase is ReplicaPhase.PREPARING:
        since, limit, hangs = began, deadline(generation, Step.PREPARED), reasons.ENVIRONMENT_HANGS
    elif replica.phase is ReplicaPhase.FETCHING:
        since, limit = began, deadline(generation, Step.PREPARED, Step.FETCHED)
        hangs = reasons.ARTIFACTS_HANG
    elif replica.phase not in {ReplicaPhase.STARTING, ReplicaPhase.LISTENING}:
        return None
    elif replica.unhealthy_since is not None:
        since, limit = replica.unhealthy_since, UNHEALTHY_LIMIT
    else:
        since, limit = replica.launched_at or now, deadline(generation, Step.STARTED, Step.HEALTHY)
    if now - since <= limit:
        return None
    detail = replica.detail if hangs is reasons.HEALTH_PATH_SILENT else None
    return hangs(limit_seconds=int(limit.total_seconds()), detail=detail)
