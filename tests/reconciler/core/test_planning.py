"""plan() does what the table of the lifecycle says, and no step waits for ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import pytest

from deployments import reasons
from deployments.lifecycle import DEADLINES, Status, Step
from deployments.messages import Message, render
from deployments.reconciler.core.plan import plan
from deployments.reconciler.core.state import Action, KillReplica, ObservedState, Plan, Probe, ReplicaState
from tests.reconciler.core.planning_table import TABLE
from tests.reconciler.core.situations import (
    EXITED,
    NOW,
    STOPPED,
    P,
    facts,
    generation,
    replica,
    running,
    serving,
)

LATE = timedelta(seconds=70)  # longer than the verification may take, and than any step of these tests is given
SHORT = reasons.WAITING_FOR_CAPACITY(short=[reasons.MEMORY_SHORT(need_bytes=11 * 10**9, free_bytes=8 * 10**9)])
INSTALLING = reasons.TEXT(text="installing 34 packages")
STEPS_TO_PHASE = {
    Step.PREPARED: P.PREPARING,
    Step.FETCHED: P.FETCHING,
    Step.STARTED: P.STARTING,
    Step.HEALTHY: P.LISTENING,
}


@pytest.mark.parametrize(("given", "status", "actions"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_table(given: ObservedState, status: Status, actions: Sequence[Action]) -> None:
    planned = plan(given)

    assert list(planned.actions) == list(actions)
    assert planned.status is status


@pytest.mark.parametrize("step", [Step.PREPARED, Step.FETCHED, Step.STARTED, Step.HEALTHY])
def test_no_step_waits_for_ever(step: Step) -> None:
    slow = replica(STEPS_TO_PHASE[step], attempt_began_at=NOW - timedelta(seconds=11))
    late = dict.fromkeys(list(Step)[: list(Step).index(step)], NOW - timedelta(seconds=12))
    given = generation(1, slow, steps=late, deadlines={step: timedelta(seconds=10)})

    planned = plan(facts(given))

    assert planned.status is Status.DEAD
    assert planned.message is not None
    assert planned.message.params == {"limit_seconds": 10}


def travel(phase_at: Callable[[timedelta], P], limits: Mapping[Step, timedelta], until: timedelta) -> list[Plan]:
    """Plan once a second with the stored results of previous plans, as the reconciler does, and return every plan."""
    plans: list[Plan] = []
    began = NOW
    steps = {Step.REQUESTED: began}
    now = began
    while now - began <= until:
        one = replica(phase_at(now - began), attempt_began_at=began)
        planned = plan(facts(generation(1, one, began_at=began, steps=dict(steps), deadlines=limits), now=now))
        plans.append(planned)
        for step in planned.steps.get(1, ()):
            steps.setdefault(step, now)
        now += timedelta(seconds=1)
    return plans


@pytest.mark.parametrize("slow", [Step.PREPARED, Step.FETCHED, Step.STARTED, Step.HEALTHY])
def test_a_step_that_took_long_leaves_the_next_one_its_whole_time(slow: Step) -> None:
    def phase_at(age: timedelta) -> P:
        return STEPS_TO_PHASE[slow] if age < LATE else P.HEALTHY

    others = {step: timedelta(seconds=10) for step in DEADLINES if step is not slow}
    plans = travel(phase_at, {**others, slow: LATE * 2}, LATE + timedelta(seconds=10))

    assert {planned.status for planned in plans} == {Status.PENDING}
    asked = [planned for planned in plans if Probe(1) in planned.actions]
    assert len(asked) == 11  # in every second since it became healthy
    late = travel(phase_at, {**others, slow: LATE * 2}, LATE + timedelta(seconds=11))[-1]
    assert late.status is Status.DEAD
    assert late.message == reasons.NOT_VERIFIED_IN_TIME(limit_seconds=10)


@pytest.mark.parametrize("step", list(DEADLINES))
def test_a_template_sets_how_long_each_step_may_take(step: Step) -> None:
    began = NOW - timedelta(seconds=100)
    order = list(Step)
    done = dict.fromkeys(order[: order.index(step)], began)
    phase = STEPS_TO_PHASE.get(step, P.HEALTHY)
    replicas = () if step is Step.PLACED else (replica(phase, attempt_began_at=began),)
    verified_at = NOW if step is Step.ROUTED else None

    def status(seconds: int) -> Status:
        limits = {step: timedelta(seconds=seconds)}
        given = generation(1, *replicas, began_at=began, steps=done, deadlines=limits, verified_at=verified_at)
        return plan(facts(given)).status

    assert (status(99), status(100)) == (Status.DEAD, Status.PENDING)


def test_one_unanswered_probe_long_after_the_start_does_not_end_an_attempt() -> None:
    long_ago = dict.fromkeys((Step.REQUESTED, Step.PLACED, Step.PREPARED, Step.FETCHED), NOW - timedelta(minutes=9))
    steps = long_ago | {Step.STARTED: NOW - timedelta(minutes=6), Step.HEALTHY: NOW - timedelta(seconds=2)}
    hiccup = replica(P.LISTENING, attempt_began_at=NOW - timedelta(minutes=9))

    assert plan(facts(generation(1, hiccup, steps=steps))).status is Status.PENDING


@pytest.mark.parametrize(
    ("phase", "cause"),
    [
        (P.PREPARING, reasons.ENVIRONMENT_HANGS(limit_seconds=20)),
        (P.FETCHING, reasons.ARTIFACTS_HANG(limit_seconds=40)),
        (P.STARTING, reasons.HEALTH_PATH_SILENT(limit_seconds=40)),
        (P.LISTENING, reasons.HEALTH_PATH_SILENT(limit_seconds=40)),
    ],
)
def test_no_step_of_a_restart_in_service_waits_for_ever(phase: P, cause: Message) -> None:
    limits = {step: timedelta(seconds=20) for step in DEADLINES}
    began = NOW - timedelta(seconds=41)
    launched = None if phase in {P.PREPARING, P.FETCHING} else began
    slow = replica(phase, 1, attempt_began_at=began, launched_at=launched)

    planned = plan(serving(running(1, replica(P.HEALTHY), slow, deadlines=limits)))

    assert planned.actions == (KillReplica("d-1-1", cause),)


def test_a_restart_in_service_may_load_its_model_as_long_as_at_first() -> None:
    slow = replica(P.STARTING, attempt_began_at=NOW - timedelta(hours=1), launched_at=NOW - timedelta(minutes=9))

    planned = plan(serving(running(1, slow, readiness_failures=3)))

    assert planned.actions == ()


def test_waiting_for_capacity_has_an_end_and_names_what_was_missing() -> None:
    waited = generation(1, began_at=NOW - timedelta(hours=2), steps={}, waiting=SHORT)

    planned = plan(facts(waited))

    assert planned.status is Status.DEAD
    assert planned.message == reasons.NO_CAPACITY_IN_TIME(limit_seconds=3600, detail=SHORT)


def test_a_proof_that_never_succeeds_ends_the_attempt_with_its_reason() -> None:
    long_ago = dict.fromkeys(list(Step)[: list(Step).index(Step.VERIFIED)], NOW - timedelta(minutes=2))
    healthy = replica(P.HEALTHY, attempt_began_at=NOW - timedelta(minutes=3))
    answered = reasons.PROBE_ANSWERED(request="GET /", status=500, answer="500", latency=3)
    given = generation(1, healthy, steps=long_ago, readiness_message=answered)

    planned = plan(facts(given))

    assert planned.status is Status.DEAD
    assert planned.message == reasons.NOT_VERIFIED_IN_TIME(limit_seconds=60, detail=answered)


def test_steps_are_done_when_all_replicas_have_done_them() -> None:
    planned = plan(facts(generation(1, replica(P.HEALTHY), replica(P.STARTING, 1))))

    assert planned.steps[1] == (Step.PLACED, Step.PREPARED, Step.FETCHED)


def test_a_settled_deployment_is_looked_at_seldom_and_a_starting_one_often() -> None:
    settled = plan(serving(running())).requeue_after
    starting = plan(facts(generation(1, replica(P.STARTING)))).requeue_after

    assert settled == timedelta(minutes=5)
    assert starting == timedelta(milliseconds=200)
    assert plan(facts(target=STOPPED)).requeue_after is None


def test_what_is_waiting_says_why() -> None:
    planned = plan(facts(generation(1, waiting=SHORT)))

    assert planned.message == SHORT
    assert planned.severity == "warning"


def test_an_unready_update_of_a_deployment_that_serves_says_so() -> None:
    planned = plan(serving(running(), generation(2, replica(P.PREPARING, 1, detail=INSTALLING))))

    doing = reasons.PREPARING_ENVIRONMENT(detail=[INSTALLING])
    assert planned.message == reasons.UPDATING(configuration="conf-2", doing=doing)
    assert planned.status is Status.RUNNING


@pytest.mark.parametrize("phase", [P.EXITED, P.STARTING, None])
def test_a_failing_start_is_an_error_from_its_first_failed_try_on(phase: P | None) -> None:
    tries = 0 if phase is P.EXITED else 1
    failing = replica(phase, restarts=tries, exit_message=EXITED)

    of_a_start = plan(facts(generation(1, failing)))
    of_an_update = plan(serving(running(), generation(2, failing)))

    message = reasons.RESTARTING(attempt=2, most=6, cause=EXITED)
    assert (of_a_start.message, of_a_start.severity) == (message, "error")
    updating = reasons.UPDATING(configuration="conf-2", doing=message)
    assert (of_an_update.message, of_an_update.severity) == (updating, "warning")


def test_what_was_seen_of_a_server_that_does_not_get_healthy_is_said_at_once_and_at_its_end() -> None:
    seen = Message("WrongPort", {"ports": "8000", "port": 20377})
    at_first = plan(facts(generation(1, replica(P.STARTING, detail=seen))))
    long_ago = dict.fromkeys((Step.REQUESTED, Step.PLACED, Step.PREPARED, Step.FETCHED), NOW - timedelta(minutes=6))
    began = NOW - timedelta(minutes=6)
    late = replica(P.STARTING, detail=seen, attempt_began_at=began, launched_at=began)
    at_last = plan(facts(generation(1, late, steps=long_ago)))

    assert at_first.message == reasons.STARTING_SERVER(detail=[seen])
    assert at_last.message == reasons.PORT_NOT_OPENED_IN_TIME(limit_seconds=300, detail=[seen])


def test_a_running_server_that_everybody_can_reach_is_warned_of() -> None:
    exposed = Message("Exposed", {"addresses": "0.0.0.0:8000"})
    open_to_all = replica(P.HEALTHY, healthy_since=NOW, detail=exposed)

    planned = plan(serving(running(1, open_to_all)))

    assert planned.status is Status.RUNNING
    assert planned.message == reasons.RUNNING_WITH_WARNINGS(detail=[exposed])
    assert planned.severity == "warning"


@pytest.mark.parametrize(
    ("in_flight", "said"),
    [
        (1, "Waiting for 1 request to finish (at most 30 s)."),
        (3, "Waiting for 3 requests to finish (at most 30 s)."),
        (None, "Waiting for its requests to finish (at most 30 s)."),
    ],
)
def test_what_drains_is_told_with_its_limit(in_flight: int | None, said: str) -> None:
    leaving = running(1, draining_since=NOW - timedelta(seconds=1), in_flight=in_flight)

    draining = reasons.DRAINING(requests=in_flight, limit_seconds=30)
    assert plan(facts(leaving, target=STOPPED)).message == draining
    after_an_update = plan(serving(leaving, running(2), serving=2)).message
    assert after_an_update == reasons.RUNNING(also=draining)
    assert (render(draining), render(after_an_update)) == (said, f"Running. {said}")


def test_servers_that_are_silent_are_not_said_to_be_starting_again_before_they_are() -> None:
    def said(*replicas: ReplicaState) -> str:
        return render(plan(serving(running(1, *replicas, readiness_failures=3))).message)

    silent = replica(P.LISTENING, unhealthy_since=NOW - timedelta(seconds=20))
    assert said(silent) == "No server answers. One that stays silent for 1 min is killed and started again."
    assert said(silent, replica(P.EXITED, 1)).startswith("No server answers; starting again.")
