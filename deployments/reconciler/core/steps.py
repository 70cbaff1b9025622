"""How far a generation is on its way up, and which of its steps takes too long. Pure, as `plan.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from deployments import reasons
from deployments.lifecycle import ExitReason, ReplicaPhase, Step
from deployments.messages import Message, Reason, distinct
from deployments.reconciler.core.replica_plan import RESTART_LIMIT, deadline
from deployments.reconciler.core.state import GenerationState, ReplicaState

MIN_REQUEUE = timedelta(milliseconds=200)
MAX_STARTING_REQUEUE = timedelta(seconds=2)

_DOING: Mapping[Step, Reason] = {
    Step.PLACED: reasons.WAITING_FOR_CAPACITY,
    Step.PREPARED: reasons.PREPARING_ENVIRONMENT,
    Step.FETCHED: reasons.FETCHING_ARTIFACTS,
    Step.STARTED: reasons.STARTING_SERVER,
    Step.HEALTHY: reasons.WAITING_FOR_HEALTH,
    Step.VERIFIED: reasons.VERIFYING,
    Step.ROUTED: reasons.OPENING_URL,
}
_NOT_DONE: Mapping[Step, Reason] = {
    Step.PLACED: reasons.NO_CAPACITY_IN_TIME,
    Step.PREPARED: reasons.ENVIRONMENT_NOT_READY_IN_TIME,
    Step.FETCHED: reasons.ARTIFACTS_NOT_FETCHED_IN_TIME,
    Step.STARTED: reasons.PORT_NOT_OPENED_IN_TIME,
    Step.HEALTHY: reasons.NOT_HEALTHY_IN_TIME,
    Step.VERIFIED: reasons.NOT_VERIFIED_IN_TIME,
    Step.ROUTED: reasons.NOT_ROUTED_IN_TIME,
}
_DONE_IN_PHASE: Mapping[ReplicaPhase, tuple[Step, ...]] = {
    ReplicaPhase.FETCHING: (Step.PREPARED,),
    ReplicaPhase.STARTING: (Step.PREPARED, Step.FETCHED),
    ReplicaPhase.LISTENING: (Step.PREPARED, Step.FETCHED, Step.STARTED),
    ReplicaPhase.HEALTHY: (Step.PREPARED, Step.FETCHED, Step.STARTED, Step.HEALTHY),
}


def steps_done(generation: GenerationState) -> tuple[Step, ...]:
    """Return the steps that all replicas have behind them."""
    if not generation.is_reserved or not generation.replicas:
        return ()
    unscheduled = {ReplicaPhase.SCHEDULING} if Step.PLACED in generation.steps else {None, ReplicaPhase.SCHEDULING}
    if generation.scheduled_by_runtime and any(replica.phase in unscheduled for replica in generation.replicas):
        return ()
    done: tuple[Step, ...] = (Step.PLACED,)
    per_replica = [_DONE_IN_PHASE.get(replica.phase, ()) if replica.phase else () for replica in generation.replicas]
    done += min(per_replica, key=len)
    if Step.HEALTHY in done and generation.verified_at:
        done += (Step.VERIFIED,)
    return done


def _current_step(done: tuple[Step, ...]) -> Step:
    return next(step for step in Step if step is not Step.REQUESTED and step not in done)


def overdue(now: datetime, generation: GenerationState, done: tuple[Step, ...]) -> Message | None:
    """Return which step took too long, None if none did."""
    if any(replica.phase in {ReplicaPhase.EXITED, ReplicaPhase.STOPPING} for replica in generation.replicas):
        return None
    step = _current_step(done)
    # A step that was done before and is not now, as after one unanswered probe, counts on from when it was done.
    began = [at for earlier, at in generation.steps.items() if earlier is not Step.REQUESTED]
    began = began or [generation.began_at]
    if done and done[-1] not in generation.steps:
        began.append(now)  # first seen done in this very pass: its time is written afterwards
    began += [replica.attempt_began_at for replica in generation.replicas if replica.attempt_began_at]
    began += [replica.restart_at for replica in generation.replicas if replica.restart_at]
    limit = deadline(generation, step)
    if now - max(began) <= limit:
        return None
    return _NOT_DONE[step](limit_seconds=int(limit.total_seconds()), detail=_seen_at(generation, step))


def _seen_at(generation: GenerationState, step: Step) -> Message | Sequence[Message] | None:
    """Return what was seen at a step that is not done, nothing when nothing was."""
    if step is Step.PLACED:
        return generation.waiting or _details(generation)
    if step is Step.VERIFIED:
        return generation.readiness_message
    return _details(generation) if step in {Step.STARTED, Step.HEALTHY} else None


def _details(generation: GenerationState) -> Sequence[Message]:
    return distinct(replica.detail for replica in generation.replicas)


def doing(generation: GenerationState, done: tuple[Step, ...]) -> Message:
    """Return what is under way with a generation that comes up."""
    if failed := [(_failed_tries(replica), replica) for replica in generation.replicas if _failed_tries(replica)]:
        tries, worst = max(failed, key=lambda pair: pair[0])
        return reasons.RESTARTING(attempt=tries + 1, most=RESTART_LIMIT + 1, cause=worst.exit_message)
    step = _current_step(done)
    if step is Step.VERIFIED and generation.readiness_message:
        return _DOING[step](detail=generation.readiness_message)
    if step is Step.PLACED:  # by the runtime itself, which says what it is short of
        return _DOING[step](short=_details(generation))
    return _DOING[step](detail=_details(generation))


def _failed_tries(replica: ReplicaState) -> int:
    has_failed = replica.phase is ReplicaPhase.EXITED and replica.exit_reason is not ExitReason.STOPPED
    return replica.restarts + int(has_failed)


def severity_of_start(generation: GenerationState, *, updates: bool) -> str:
    """Return how bad it is that it does not run yet: from its first failed try on, what happens is an error."""
    if not any(map(_failed_tries, generation.replicas)):
        return "info"
    return "warning" if updates else "error"


def pace(now: datetime, generation: GenerationState) -> timedelta:
    """Look often at first and less so later: what is quick is seen at once, what is slow costs little."""
    return min(MAX_STARTING_REQUEUE, max(MIN_REQUEUE, (now - max(generation.steps.values(), default=now)) / 20))
