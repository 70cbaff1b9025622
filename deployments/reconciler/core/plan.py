"""What one pass does next: a pure function from facts to actions.

    facts (wanted + seen) --plan()--> actions, status, message, steps done, time of the next pass

Nothing here reads a clock, a table or a process, so the whole table of the lifecycle can be tested without any of
them. Every action is safe to repeat: a pass may be lost or doubled at any point.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from deployments.lifecycle import ReplicaPhase, Status, Step, TargetStatus
from deployments.reconciler.core.replica_plan import ReplicaPlan, deadline, is_present, plan_replicas, release, words
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
    doing_words,
    overdue,
    pace,
    severity_of_start,
    steps_done,
)

DRAIN_MINIMUM = timedelta(milliseconds=500)  # in-flight figures are trusted only this long after the switch
# What the gateway and the runtime see of a settled deployment wakes it within seconds (`sweep.py`). These are for what
# neither sees: a server that is healthy and answers its callers with errors.
VERIFY_INTERVAL = timedelta(minutes=5)
READINESS_FAILURE_LIMIT = 3
STEADY_REQUEUE = VERIFY_INTERVAL
WAITING_REQUEUE = timedelta(seconds=60)  # for what was missed: capacity that becomes free wakes a deployment at once


def plan(facts: ObservedState) -> Plan:
    """Decide what one pass does. Source of the rules: the lifecycle of the product, `lifecycle.py`."""
    if facts.target is TargetStatus.DELETED or facts.expired:
        return _end(facts, delete=True)
    if facts.target is TargetStatus.STOPPED:
        return _end(facts, delete=False)
    if facts.failed == facts.generation:
        return _after_failure(facts)
    if (current := facts.generations.get(facts.generation)) is None:
        status = Status.PENDING if facts.status in {Status.UNKNOWN, Status.DEAD} else facts.status
        return Plan(
            actions=(CreateGeneration(),),
            status=status,
            message="Submitted to the runtime.",
            requeue_after=MIN_REQUEUE,
        )
    if facts.serving == facts.generation:
        return _serve(facts, current)
    return _bring_up(facts, current)


# --- The end ----------------------------------------------------------------------------------------------------


def _end(facts: ObservedState, *, delete: bool) -> Plan:
    actions: list[Action] = [Unroute()] if facts.serving is not None else []
    draining: GenerationState | None = None
    for generation in facts.generations.values():
        if generation.number == facts.serving and _answers_any(generation) and generation.draining_since is None:
            actions.append(Drain(generation.number))
            draining = generation
        elif generation.held and generation.draining_since is not None and not _is_drained(facts.now, generation):
            draining = generation
        else:
            actions += release(generation)
    left = sum(is_present(replica) for g in facts.generations.values() for replica in g.replicas)
    if left:
        servers = "1 server" if left == 1 else f"{left} servers"
        waiting = draining_words(draining) if draining else ""
        message = "Its duration is over. " if facts.expired and facts.target is not TargetStatus.DELETED else ""
        return Plan(
            actions=tuple(actions),
            status=Status.STOPPING,
            message=f"{message}{waiting or f'Waiting for {servers} to end.'}",
            requeue_after=_pace_of_draining(facts.now, draining) if draining else MIN_REQUEUE,
        )
    if delete:
        return Plan(actions=(*actions, Delete()), status=facts.status)
    return Plan(actions=tuple(actions), status=Status.STOPPED, message="Stopped. Its resources are released.")


# --- On the way up ----------------------------------------------------------------------------------------------


def _bring_up(facts: ObservedState, current: GenerationState) -> Plan:
    """Bring the wanted generation to the point where traffic moves to it, while the serving one goes on."""
    if current.reason:
        return _failing(facts, current, current.reason, ())
    serving = facts.generations.get(facts.serving) if facts.serving is not None else None
    others = _others(facts, current, serving)
    kept = plan_replicas(facts.now, serving) if serving else ReplicaPlan()
    if not current.held:
        return _wait_for_place(facts, current, serving, (*others, *kept.actions))
    replica_plan = plan_replicas(facts.now, current)
    done = steps_done(current)
    failure = replica_plan.failure or overdue(facts.now, current, done)
    if failure:
        return _failing(facts, current, failure, (*others, *kept.actions))
    actions = [*others, *kept.actions, *replica_plan.actions]
    if Step.HEALTHY in done:
        actions.append(Route(current.number) if current.verified_at else Probe(current.number))
    doing = doing_words(current, done)
    status, message = _status_while_updating(facts, current, serving, doing)
    return Plan(
        actions=tuple(actions),
        status=status,
        message=message,
        severity=severity_of_start(current, updates=serving is not None),
        steps={current.number: done},
        requeue_after=pace(facts.now, current),
    )


def _others(facts: ObservedState, current: GenerationState, serving: GenerationState | None) -> list[Action]:
    """Release what is neither wanted nor serving: an update that was itself replaced before it was ready."""
    actions: list[Action] = []
    for generation in facts.generations.values():
        if generation is not current and generation is not serving:
            actions += release(generation)
    return actions


def _wait_for_place(
    facts: ObservedState, current: GenerationState, serving: GenerationState | None, before: tuple[Action, ...]
) -> Plan:
    if failure := overdue(facts.now, current, ()):
        return _failing(facts, current, failure, before)
    doing = current.waiting or "Looking for capacity."
    status, message = _status_while_updating(facts, current, serving, doing)
    return Plan(
        actions=(*before, Schedule(current.number)),
        status=status,
        message=message,
        severity="warning" if current.waiting else "info",
        requeue_after=_pace_of_waiting(facts.now, current, serving),
    )


def _pace_of_waiting(now: datetime, current: GenerationState, serving: GenerationState | None) -> timedelta:
    """Look again when the wait is over, and at what serves meanwhile as often as without an update."""
    left = max(MIN_REQUEUE, deadline(current, Step.PLACED) - (now - current.began_at))
    if serving is None:
        return min(WAITING_REQUEUE, left)
    settled = all(replica.phase is ReplicaPhase.HEALTHY for replica in serving.replicas)
    return min(STEADY_REQUEUE if settled else MAX_STARTING_REQUEUE, left)


def while_updating(configuration: str, doing: str) -> str:
    """Return what a deployment says that serves one configuration and is on its way to another."""
    return f"Updating to {configuration}: {doing}"


def _status_while_updating(
    facts: ObservedState, current: GenerationState, serving: GenerationState | None, doing: str
) -> tuple[Status, str]:
    if serving is None:
        return Status.PENDING, doing
    return (Status.RUNNING if _answers(serving) else Status.PENDING), while_updating(current.configuration, doing)


# --- Failure ----------------------------------------------------------------------------------------------------


def _failing(facts: ObservedState, current: GenerationState, reason: str, before: tuple[Action, ...]) -> Plan:
    """Give the wanted generation up: go back to the serving one if that was wanted, else end as DEAD."""
    serving = facts.generations.get(facts.serving) if facts.serving not in {None, current.number} else None
    returned = facts.rollback_on_failure and serving is not None
    if returned and serving is not None:
        message = f"Update to {current.configuration} failed: {reason} Returned to {serving.configuration}."
        status = Status.RUNNING if _answers(serving) else Status.PENDING
    else:
        last = facts.latest_running
        update = serving is not None or (last and last != current.configuration)
        message = f"Update to {current.configuration} failed: {reason}" if update else reason
        message += f" The last configuration that was running is {last}." if update and last else ""
        status = Status.DEAD
    return Plan(
        actions=(*before, MarkFailed(current.number, reason, message, returned)),
        status=status,
        message=message,
        severity="warning" if returned else "error",
        requeue_after=MIN_REQUEUE,
    )


def _after_failure(facts: ObservedState) -> Plan:
    """The wanted generation was given up: keep the one that was returned to, or hold nothing at all."""
    serving = facts.generations.get(facts.serving) if facts.serving is not None else None
    if serving is not None:
        failed = facts.generations.get(facts.generation)
        note = ""
        if failed and failed.reason:
            note = f"Update to {failed.configuration} failed: {failed.reason} Returned to {serving.configuration}."
        return _serve(facts, serving, note=note)
    actions = [action for generation in facts.generations.values() for action in release(generation)]
    left = any(is_present(replica) for g in facts.generations.values() for replica in g.replicas)
    return Plan(
        actions=tuple(actions), status=Status.DEAD, severity="error", requeue_after=MIN_REQUEUE if left else None
    )


# --- In service -------------------------------------------------------------------------------------------------


def _serve(facts: ObservedState, serving: GenerationState, *, note: str = "") -> Plan:
    """Keep the generation that has the traffic alive and proved; let the ones before it drain and go."""
    leaving, waits, waiting = _leave(facts, serving)
    replica_plan = plan_replicas(facts.now, serving)
    # A start that was refused for good only ends a deployment of which nothing else answers.
    if reason := replica_plan.failure or ("" if _answers(serving) else serving.reason):
        fail = MarkFailed(serving.number, reason, reason, returned=False)
        return Plan(
            actions=(*leaving, fail), status=Status.DEAD, message=reason, severity="error", requeue_after=MIN_REQUEUE
        )
    healthy = [replica for replica in serving.replicas if replica.phase is ReplicaPhase.HEALTHY]
    actions: list[Action] = [*leaving, *replica_plan.actions, *_proofs(facts.now, serving, bool(healthy))]
    answers = _answers(serving)
    settled = answers and len(healthy) == len(serving.replicas) and not serving.readiness_failures
    message, severity = _serving_message(serving, len(healthy), note)
    message = f"{message} {waiting}".rstrip()
    return Plan(
        actions=tuple(actions),
        status=Status.RUNNING if answers else Status.PENDING,
        message=message,
        severity=severity,
        steps={serving.number: tuple(Step)[1:]} if answers else {},
        requeue_after=waits or (STEADY_REQUEUE if settled else MAX_STARTING_REQUEUE if answers else MIN_REQUEUE),
    )


def _answers(generation: GenerationState) -> bool:
    """Whether it is known to answer: a healthy replica and no row of failed proofs."""
    return _answers_any(generation) and generation.readiness_failures < READINESS_FAILURE_LIMIT


def _answers_any(generation: GenerationState) -> bool:
    return any(replica.phase is ReplicaPhase.HEALTHY for replica in generation.replicas)


def _proofs(now: datetime, serving: GenerationState, healthy: bool) -> list[Action]:
    if not healthy:
        return [MarkUnready(serving.number)] if serving.readiness_failures < READINESS_FAILURE_LIMIT else []
    if serving.readiness_failures or serving.verified_at is None or now - serving.verified_at >= VERIFY_INTERVAL:
        return [Probe(serving.number)]
    return []


def _serving_message(serving: GenerationState, healthy: int, note: str) -> tuple[str, str]:
    wanted = len(serving.replicas)
    troubled = [replica for replica in serving.replicas if replica.phase is not ReplicaPhase.HEALTHY]
    why = next((r.killed_because or r.exit_message for r in troubled if r.killed_because or r.exit_message), "")
    why = serving.reason or why
    if healthy and serving.readiness_failures >= READINESS_FAILURE_LIMIT:
        return f"It does not answer through the gateway: {serving.readiness_message}".rstrip(": "), "error"
    if not healthy:
        return f"No server answers; starting again. {why}".rstrip(), "error"
    if healthy < wanted:
        return f"{healthy} of {wanted} replicas answer; the others are starting again. {why}".rstrip(), "warning"
    if note:
        return note, "warning"
    if warnings := sorted({replica.detail for replica in serving.replicas if replica.detail}):
        return f"Running, but {'; '.join(warnings)}.", "warning"
    return ("Running." if wanted == 1 else f"Running on {wanted} replicas."), "info"


def _leave(facts: ObservedState, serving: GenerationState) -> tuple[list[Action], timedelta | None, str]:
    """Drain and release the generations that traffic has left.

    Returns:
        What to do, how soon to look again (None when there is none left), and what is waited for, in words.
    """
    actions: list[Action] = []
    waits: timedelta | None = None
    waiting = ""
    for generation in facts.generations.values():
        if generation is serving or not generation.held:
            continue
        waits = MIN_REQUEUE
        if facts.failed == generation.number:
            actions += release(generation)
        elif generation.draining_since is None:
            actions.append(Drain(generation.number))
        elif _is_drained(facts.now, generation):
            actions += release(generation)
        else:
            waits, waiting = _pace_of_draining(facts.now, generation), draining_words(generation)
    return actions, waits, waiting


def draining_words(generation: GenerationState) -> str:
    """Return what is waited for while requests finish, `""` when there are none."""
    limit = f"(at most {words(generation.drain_limit)})"
    if generation.in_flight is None:
        return f"Waiting for its requests to finish {limit}." if generation.draining_since else ""
    if generation.in_flight == 0:
        return ""
    requests = "1 request" if generation.in_flight == 1 else f"{generation.in_flight} requests"
    return f"Waiting for {requests} to finish {limit}."


def _pace_of_draining(now: datetime, generation: GenerationState) -> timedelta:
    """Look often while short requests finish, more seldom when a long one does."""
    lasts = now - (generation.draining_since or now)
    return MIN_REQUEUE if lasts < MAX_STARTING_REQUEUE else MAX_STARTING_REQUEUE / 2


def _is_drained(now: datetime, generation: GenerationState) -> bool:
    if generation.draining_since is None:
        return False
    waited = now - generation.draining_since
    return waited > generation.drain_limit or (generation.in_flight == 0 and waited > DRAIN_MINIMUM)
