"""The progress of a generation that is coming up, and its deadlines. Pure, as `plan.py`."""

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
    """Return the steps that all replicas have completed."""
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
    # A step that was completed before and is not now (e.g. after one failed probe) counts from its completion.
    began = [at for earlier, at in generation.steps.items() if earlier is not Step.REQUESTED]
    began = began or [generation.began_at]
    if done and done[-1] not in generation.steps:
        began.append(now)  # first observed as completed in this reconcile: its time is written afterwards
    began += [replica.attempt_began_at for replica in generation.replicas if replica.attempt_began_at]
    began += [replica.restart_at for replica in generation.replicas if replica.restart_at]
    limit = deadline(generation, step)
    if now - max(began) <= limit:
        return None
    return _NOT_DONE[step](limit_seconds=int(limit.total_seconds()), detail=_observed_at(generation, step))


def _observed_at(generation: GenerationState, step: Step) -> Message | Sequence[Message] | None:
    """Return what was observed at an incomplete step, None when there is nothing."""
    if step is Step.PLACED:
        return generation.waiting or _details(generation)
    if step is Step.VERIFIED:
        return generation.readiness_message
    return _details(generation) if step in {Step.STARTED, Step.HEALTHY} else None


def _details(generation: GenerationState) -> Sequence[Message]:
    return distinct(replica.detail for replica in generation.replicas)


def doing(generation: GenerationState, done: tuple[Step, ...]) -> Message:
    """Return the message about the current step of a generation that is coming up."""
    if failed := [(_failed_tries(replica), replica) for replica in generation.replicas if _failed_tries(replica)]:
        tries, worst = max(failed, key=lambda pair: pair[0])
        return reasons.RESTARTING(attempt=tries + 1, most=RESTART_LIMIT + 1, cause=worst.exit_message)
    step = _current_step(done)
    if step is Step.VERIFIED and generation.readiness_message:
        return _DOING[step](detail=generation.readiness_message)
    if step is Step.PLACED:  # by the runtime itself, which reports its shortfall
        return _DOING[step](short=_details(generation))
    return _DOING[step](detail=_details(generation))


def _failed_tries(replica: ReplicaState) -> int:
    has_failed = replica.phase is ReplicaPhase.EXITED and replica.exit_reason is not ExitReason.STOPPED
    return replica.restarts + int(has_failed)


def severity_of_start(generation: GenerationState, *, updates: bool) -> str:
    """Return the severity while it is not running: from the first failed attempt on it is an error."""
    if not any(map(_failed_tries, generation.replicas)):
        return "info"
    return "warning" if updates else "error"


def pace(now: datetime, generation: GenerationState) -> timedelta:
    """Return the interval of reconciles: short at first, longer later, so that slow steps cost little."""
    return min(MAX_STARTING_REQUEUE, max(MIN_REQUEUE, (now - max(generation.steps.values(), default=now)) / 20))
