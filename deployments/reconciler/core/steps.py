"""How far a generation is on its way up, in words, and which of its steps takes too long. Pure, as `plan.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from deployments.lifecycle import ExitReason, ReplicaPhase, Step
from deployments.reconciler.core.replica_plan import RESTART_LIMIT, deadline, words
from deployments.reconciler.core.state import GenerationState, ReplicaState

MIN_REQUEUE = timedelta(milliseconds=200)
MAX_STARTING_REQUEUE = timedelta(seconds=2)

_DOING: Mapping[Step, str] = {
    Step.PLACED: "Waiting for capacity",
    Step.PREPARED: "Preparing the Python environment",
    Step.FETCHED: "Fetching the input artifacts",
    Step.STARTED: "Starting the server",
    Step.HEALTHY: "Waiting for the server to become healthy",
    Step.VERIFIED: "Proving it with a request through the gateway",
    Step.ROUTED: "Opening its URL",
}
_NOT_DONE: Mapping[Step, str] = {
    Step.PLACED: "There was no capacity for it",
    Step.PREPARED: "Its Python environment was not ready",
    Step.FETCHED: "Its input artifacts had not arrived",
    Step.STARTED: "The server did not open its port",
    Step.HEALTHY: "The server did not become healthy",
    Step.VERIFIED: "No request through the gateway succeeded",
    Step.ROUTED: "The gateway did not take the route",
}
_DONE_IN_PHASE: Mapping[ReplicaPhase, tuple[Step, ...]] = {
    ReplicaPhase.FETCHING: (Step.PREPARED,),
    ReplicaPhase.STARTING: (Step.PREPARED, Step.FETCHED),
    ReplicaPhase.LISTENING: (Step.PREPARED, Step.FETCHED, Step.STARTED),
    ReplicaPhase.HEALTHY: (Step.PREPARED, Step.FETCHED, Step.STARTED, Step.HEALTHY),
}


def steps_done(generation: GenerationState) -> tuple[Step, ...]:
    """Return the steps that all replicas have behind them."""
    if not generation.held or not generation.replicas:
        return ()
    done: tuple[Step, ...] = (Step.PLACED,)
    per_replica = [_DONE_IN_PHASE.get(replica.phase, ()) if replica.phase else () for replica in generation.replicas]
    done += min(per_replica, key=len)
    if Step.HEALTHY in done and generation.verified_at:
        done += (Step.VERIFIED,)
    return done


def _current_step(done: tuple[Step, ...]) -> Step:
    return next(step for step in Step if step is not Step.REQUESTED and step not in done)


def overdue(now: datetime, generation: GenerationState, done: tuple[Step, ...]) -> str:
    """Return the sentence that says which step took too long, `""` if none did."""
    if any(replica.phase in {ReplicaPhase.EXITED, ReplicaPhase.STOPPING} for replica in generation.replicas):
        return ""
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
        return ""
    return f"{_NOT_DONE[step]} within {words(limit)}. {_seen_at(generation, step)}".rstrip()


def _seen_at(generation: GenerationState, step: Step) -> str:
    """Return the sentence on what was seen at a step that is not done, `""` when nothing was."""
    if step in {Step.PLACED, Step.VERIFIED}:
        return generation.waiting if step is Step.PLACED else generation.readiness_message
    details = sorted({replica.detail for replica in generation.replicas if replica.detail})
    return f"Seen last: {', '.join(details)}." if details and step in {Step.STARTED, Step.HEALTHY} else ""


def doing_words(generation: GenerationState, done: tuple[Step, ...]) -> str:
    if failed := [(_failed_tries(replica), replica) for replica in generation.replicas if _failed_tries(replica)]:
        tries, worst = max(failed, key=lambda pair: pair[0])
        again = f"Starting the server again (attempt {tries + 1} of {RESTART_LIMIT + 1})"
        return f"{again}: {worst.exit_message}" if worst.exit_message else f"{again}."
    step = _current_step(done)
    details = {replica.detail for replica in generation.replicas if replica.detail}
    if step is Step.VERIFIED and generation.readiness_message:
        details = {generation.readiness_message}
    return f"{_DOING[step]}: {', '.join(sorted(details))}" if details else f"{_DOING[step]}."


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
