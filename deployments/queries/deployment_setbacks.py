"""The failed attempt that blocks a generation: at which step, why, and when the next attempt starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from deployments.lifecycle import ExitReason, ReplicaPhase, Step
from deployments.models import Attempt, Generation
from deployments.reconciler.core.replica_plan import RESTART_LIMIT

# The step that is not completed when a server ends in a phase; "" is a server that never started.
_FAILED_IN: Mapping[str, Step] = {
    "": Step.STARTED,
    ReplicaPhase.SCHEDULING: Step.PLACED,
    ReplicaPhase.PREPARING: Step.PREPARED,
    ReplicaPhase.FETCHING: Step.FETCHED,
    ReplicaPhase.STARTING: Step.STARTED,
    ReplicaPhase.LISTENING: Step.HEALTHY,
    ReplicaPhase.HEALTHY: Step.VERIFIED,
}
_LIMITS: Mapping[str, int] = {ExitReason.NOT_STARTED: 1}  # restarts


@dataclass(frozen=True, kw_only=True)
class Setback:
    """A failed attempt after which the generation has made no progress.

    Args:
        step: the step at which it failed.
        attempt: the failed attempt.
        number: of the next attempt, counted from 1; None when there is none.
        attempts: how many attempts are made.
        next_at: when that attempt begins or began; None while that is not known.
        is_under_way: whether it has begun.
    """

    step: Step
    attempt: Attempt
    number: int | None = None
    attempts: int = RESTART_LIMIT + 1
    next_at: datetime | None = None
    is_under_way: bool = False


def setback_of(generation: Generation, *, now: datetime) -> Setback | None:
    """Return the attempt that blocks a generation or has ended it, in one query; None when there is none."""
    if generation.pk is None:
        return None
    ended = Attempt.objects.filter(replica__generation=generation, ended_at__isnull=False)
    ended = ended.exclude(exit_reason=ExitReason.STOPPED)
    attempt = ended.select_related("replica").order_by("-ended_at", "-pk").first()
    if attempt is None:
        return None
    replica = attempt.replica
    step = _FAILED_IN.get(attempt.step, Step.STARTED)
    if generation.outcome:
        is_cause = replica.attempt == attempt.number  # otherwise a later attempt took too long
        return Setback(step=step, attempt=attempt) if is_cause else None
    has_moved_on = replica.attempt > attempt.number
    if step.value in generation.steps and has_moved_on:
        return None
    return Setback(
        step=step,
        attempt=attempt,
        number=replica.restarts + (1 if has_moved_on else 2),
        attempts=_LIMITS.get(attempt.exit_reason, RESTART_LIMIT) + 1,
        next_at=replica.restart_at if has_moved_on else None,
        is_under_way=has_moved_on and (replica.restart_at is None or replica.restart_at <= now),
    )
