"""Decides the next actions of a reconcile: a pure function from the observed state to a plan.

    ObservedState --plan()--> Plan: actions, status, message, completed steps, time of the next reconcile

Nothing here reads a clock, a table or a process, so the whole table of the lifecycle can be tested without any of
them. Every action is safe to repeat: a reconcile may be lost or repeated at any point.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from deployments import reasons
from deployments.lifecycle import ReplicaPhase, Status, Step, TargetStatus
from deployments.messages import Message, distinct
from deployments.reconciler.core.replica_plan import (
    UNHEALTHY_LIMIT,
    ReplicaPlan,
    deadline,
    is_present,
    plan_replicas,
    release,
)
from deployments.reconciler.core.state import (
    Action,
    CreateGeneration,
    Delete,
    Drain,
    GenerationState,
    MarkFailed,
    MarkUnready,
    ObservedState,
    Plan,
    Probe,
    Route,
    Schedule,
    Unroute,
)
from deployments.reconciler.core.steps import (
    MAX_STARTING_REQUEUE,
    MIN_REQUEUE,
    doing,
    overdue,
    pace,
    severity_of_start,
    steps_done,
)

DRAIN_MINIMUM = timedelta(milliseconds=500)  # the number of open requests is reliable only this long after the switch
# Changes of a settled deployment that gateway or runtime report wake it within seconds (`sweep.py`). These are for
# what neither reports: a server that is healthy but answers its clients with errors.
VERIFY_INTERVAL = timedelta(minutes=5)
READINESS_FAILURE_LIMIT = 3
STEADY_REQUEUE = VERIFY_INTERVAL
WAITING_REQUEUE = timedelta(seconds=60)  # in case an event was missed: freed capacity wakes a deployment at once


def plan(observed: ObservedState) -> Plan:
    """Return the plan of one reconcile. Source of the rules: the lifecycle of the product, `lifecycle.py`."""
    if observed.target is TargetStatus.DELETED or observed.expired:
        return _end(observed, delete=True)
    if observed.target is TargetStatus.STOPPED:
        return _end(observed, delete=False)
    if observed.failed == observed.generation:
        return _after_failure(observed)
    if (current := observed.generations.get(observed.generation)) is None:
        status = Status.PENDING if observed.status in {Status.UNKNOWN, Status.DEAD} else observed.status
        return Plan(
            actions=(CreateGeneration(),),
            status=status,
            message=reasons.SUBMITTED(),
            requeue_after=MIN_REQUEUE,
        )
    if observed.serving == observed.generation:
        return _serve(observed, current)
    return _bring_up(observed, current)


# --- Ending -----------------------------------------------------------------------------------------------------


def _end(observed: ObservedState, *, delete: bool) -> Plan:
    actions: list[Action] = [Unroute()] if observed.serving is not None else []
    draining: GenerationState | None = None
    for generation in observed.generations.values():
        if generation.number == observed.serving and _answers_any(generation) and generation.draining_since is None:
            actions.append(Drain(generation.number))
            draining = generation
        elif (
            generation.is_reserved
            and generation.draining_since is not None
            and not _is_drained(observed.now, generation)
        ):
            draining = generation
        else:
            actions += release(generation)
    left = sum(is_present(replica) for g in observed.generations.values() for replica in g.replicas)
    if left:
        message = (draining_message(draining) if draining else None) or reasons.SERVERS_ENDING(servers=left)
        if observed.expired and observed.target is not TargetStatus.DELETED:
            message = reasons.DURATION_OVER(doing=message)
        return Plan(
            actions=tuple(actions),
            status=Status.STOPPING,
            message=message,
            requeue_after=_pace_of_draining(observed.now, draining) if draining else MIN_REQUEUE,
        )
    if delete:
        return Plan(actions=(*actions, Delete()), status=observed.status)
    return Plan(actions=tuple(actions), status=Status.STOPPED, message=reasons.STOPPED())


# --- Coming up --------------------------------------------------------------------------------------------------


def _bring_up(observed: ObservedState, current: GenerationState) -> Plan:
    """Bring the desired generation to the point where it gets the traffic, while the serving one keeps running."""
    if current.failure:
        return _failing(observed, current, current.failure, ())
    serving = observed.generations.get(observed.serving) if observed.serving is not None else None
    others = _others(observed, current, serving)
    serving_plan = plan_replicas(observed.now, serving) if serving else ReplicaPlan()
    if not current.is_reserved:
        return _wait_for_capacity(observed, current, serving, (*others, *serving_plan.actions))
    replica_plan = plan_replicas(observed.now, current)
    done = steps_done(current)
    failure = replica_plan.failure or overdue(observed.now, current, done)
    if failure:
        return _failing(observed, current, failure, (*others, *serving_plan.actions))
    actions = [*others, *serving_plan.actions, *replica_plan.actions]
    if Step.HEALTHY in done:
        actions.append(Route(current.number) if current.verified_at else Probe(current.number))
    status, message = _status_while_updating(observed, current, serving, doing(current, done))
    return Plan(
        actions=tuple(actions),
        status=status,
        message=message,
        severity=severity_of_start(current, updates=serving is not None),
        steps={current.number: done},
        requeue_after=pace(observed.now, current),
    )


def _others(observed: ObservedState, current: GenerationState, serving: GenerationState | None) -> list[Action]:
    """Release generations that are neither desired nor serving: updates that were replaced before they were ready."""
    actions: list[Action] = []
    for generation in observed.generations.values():
        if generation is not current and generation is not serving:
            actions += release(generation)
    return actions


def _wait_for_capacity(
    observed: ObservedState, current: GenerationState, serving: GenerationState | None, before: tuple[Action, ...]
) -> Plan:
    if failure := overdue(observed.now, current, ()):
        return _failing(observed, current, failure, before)
    waiting = current.waiting or reasons.LOOKING_FOR_CAPACITY()
    status, message = _status_while_updating(observed, current, serving, waiting)
    return Plan(
        actions=(*before, Schedule(current.number)),
        status=status,
        message=message,
        severity="warning" if current.waiting else "info",
        requeue_after=_pace_of_waiting(observed.now, current, serving),
    )


def _pace_of_waiting(now: datetime, current: GenerationState, serving: GenerationState | None) -> timedelta:
    """Reconcile again when the wait is over, and for the serving generation as often as without an update."""
    left = max(MIN_REQUEUE, deadline(current, Step.PLACED) - (now - current.began_at))
    if serving is None:
        return min(WAITING_REQUEUE, left)
    settled = all(replica.phase is ReplicaPhase.HEALTHY for replica in serving.replicas)
    return min(STEADY_REQUEUE if settled else MAX_STARTING_REQUEUE, left)


def _status_while_updating(
    observed: ObservedState, current: GenerationState, serving: GenerationState | None, under_way: Message
) -> tuple[Status, Message]:
    if serving is None:
        return Status.PENDING, under_way
    status = Status.RUNNING if _answers(serving) else Status.PENDING
    return status, reasons.UPDATING(configuration=current.configuration, doing=under_way)


# --- Failure ----------------------------------------------------------------------------------------------------


def _failing(observed: ObservedState, current: GenerationState, cause: Message, before: tuple[Action, ...]) -> Plan:
    """Mark the desired generation as failed: roll back to the serving one if that was requested, else end as DEAD."""
    serving = observed.generations.get(observed.serving) if observed.serving not in {None, current.number} else None
    returned = observed.rollback_on_failure and serving is not None
    if returned and serving is not None:
        message = _rolled_back(current, serving, cause)
        status = Status.RUNNING if _answers(serving) else Status.PENDING
    else:
        last = observed.latest_running
        is_update = serving is not None or (last and last != current.configuration)
        failed = reasons.UPDATE_FAILED(configuration=current.configuration, cause=cause, last=last)
        message = failed if is_update else cause
        status = Status.DEAD
    return Plan(
        actions=(*before, MarkFailed(current.number, cause, message, returned)),
        status=status,
        message=message,
        severity="warning" if returned else "error",
        requeue_after=MIN_REQUEUE,
    )


def _rolled_back(failed: GenerationState, serving: GenerationState, cause: Message) -> Message:
    return reasons.ROLLED_BACK(configuration=failed.configuration, cause=cause, serving=serving.configuration)


def _after_failure(observed: ObservedState) -> Plan:
    """Handle a failed desired generation: keep the one that was rolled back to, or release everything."""
    serving = observed.generations.get(observed.serving) if observed.serving is not None else None
    if serving is not None:
        failed = observed.generations.get(observed.generation)
        note = _rolled_back(failed, serving, failed.failure) if failed and failed.failure else None
        return _serve(observed, serving, note=note)
    actions = [action for generation in observed.generations.values() for action in release(generation)]
    left = any(is_present(replica) for g in observed.generations.values() for replica in g.replicas)
    return Plan(
        actions=tuple(actions), status=Status.DEAD, severity="error", requeue_after=MIN_REQUEUE if left else None
    )


# --- In service -------------------------------------------------------------------------------------------------


def _serve(observed: ObservedState, serving: GenerationState, *, note: Message | None = None) -> Plan:
    """Keep the serving generation running and verified; drain and release the previous ones."""
    leaving, waits, waiting = _leave(observed, serving)
    replica_plan = plan_replicas(observed.now, serving)
    # A permanently refused start ends a deployment only if nothing else of it serves.
    if cause := replica_plan.failure or (None if _answers(serving) else serving.failure):
        fail = MarkFailed(serving.number, cause, cause, returned=False)
        return Plan(
            actions=(*leaving, fail), status=Status.DEAD, message=cause, severity="error", requeue_after=MIN_REQUEUE
        )
    healthy = [replica for replica in serving.replicas if replica.phase is ReplicaPhase.HEALTHY]
    actions: list[Action] = [
        *leaving,
        *replica_plan.actions,
        *_readiness_actions(observed.now, serving, bool(healthy)),
    ]
    answers = _answers(serving)
    settled = answers and len(healthy) == len(serving.replicas) and not serving.readiness_failures
    message, severity = _serving_message(serving, len(healthy), note)
    if waiting:
        message = Message(message.reason, {**message.params, "also": waiting})
    return Plan(
        actions=tuple(actions),
        status=Status.RUNNING if answers else Status.PENDING,
        message=message,
        severity=severity,
        steps={serving.number: tuple(Step)[1:]} if answers else {},
        requeue_after=waits or (STEADY_REQUEUE if settled else MAX_STARTING_REQUEUE if answers else MIN_REQUEUE),
    )


def _answers(generation: GenerationState) -> bool:
    """Whether it is known to respond: a healthy replica, and no series of failed readiness checks."""
    return _answers_any(generation) and generation.readiness_failures < READINESS_FAILURE_LIMIT


def _answers_any(generation: GenerationState) -> bool:
    return any(replica.phase is ReplicaPhase.HEALTHY for replica in generation.replicas)


def _readiness_actions(now: datetime, serving: GenerationState, healthy: bool) -> list[Action]:
    if not healthy:
        return [MarkUnready(serving.number)] if serving.readiness_failures < READINESS_FAILURE_LIMIT else []
    if serving.readiness_failures or serving.verified_at is None or now - serving.verified_at >= VERIFY_INTERVAL:
        return [Probe(serving.number)]
    return []


def _serving_message(serving: GenerationState, healthy: int, note: Message | None) -> tuple[Message, str]:
    desired = len(serving.replicas)
    troubled = [replica for replica in serving.replicas if replica.phase is not ReplicaPhase.HEALTHY]
    causes = [cause for replica in troubled if (cause := replica.killed_because or replica.exit_message)]
    cause = serving.failure or next(iter(causes), None)
    if healthy and serving.readiness_failures >= READINESS_FAILURE_LIMIT:
        return reasons.PROBE_FAILED(detail=serving.readiness_message), "error"
    if not healthy and all(replica.unhealthy_since and is_present(replica) for replica in troubled):
        return reasons.SERVERS_SILENT(limit_seconds=int(UNHEALTHY_LIMIT.total_seconds())), "error"
    if not healthy:
        return reasons.NO_SERVER_ANSWERS(cause=cause), "error"
    if healthy < desired:
        return reasons.SOME_REPLICAS_ANSWER(healthy=healthy, replicas=desired, cause=cause), "warning"
    if note:
        return note, "warning"
    if warnings := distinct(replica.detail for replica in serving.replicas):
        return reasons.RUNNING_WITH_WARNINGS(detail=warnings), "warning"
    return reasons.RUNNING(replicas=desired if desired > 1 else None), "info"


def _leave(observed: ObservedState, serving: GenerationState) -> tuple[list[Action], timedelta | None, Message | None]:
    """Drain and release the generations that do not get traffic any more.

    Returns:
        The actions, the interval to the next reconcile (None when no generation is left), and what is waited for.
    """
    actions: list[Action] = []
    waits: timedelta | None = None
    waiting: Message | None = None
    for generation in observed.generations.values():
        if generation is serving or not generation.is_reserved:
            continue
        waits = MIN_REQUEUE
        if observed.failed == generation.number:
            actions += release(generation)
        elif generation.draining_since is None:
            actions.append(Drain(generation.number))
        elif _is_drained(observed.now, generation):
            actions += release(generation)
        else:
            waits, waiting = _pace_of_draining(observed.now, generation), draining_message(generation)
    return actions, waits, waiting


def draining_message(generation: GenerationState) -> Message | None:
    """Return the message while requests finish, None when there are none."""
    if generation.in_flight == 0 or (generation.in_flight is None and not generation.draining_since):
        return None
    limit = int(generation.drain_limit.total_seconds())
    return reasons.DRAINING(requests=generation.in_flight, limit_seconds=limit)


def _pace_of_draining(now: datetime, generation: GenerationState) -> timedelta:
    """Return a short interval while short requests finish, a longer one for long requests."""
    lasts = now - (generation.draining_since or now)
    return MIN_REQUEUE if lasts < MAX_STARTING_REQUEUE else MAX_STARTING_REQUEUE / 2


def _is_drained(now: datetime, generation: GenerationState) -> bool:
    if generation.draining_since is None:
        return False
    waited = now - generation.draining_since
    return waited > generation.drain_limit or (generation.in_flight == 0 and waited > DRAIN_MINIMUM)
