"""plan() does what the table of the lifecycle says, and no step waits for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from deployments.facts import Action, Facts
from deployments.lifecycle import Status, Step
from deployments.planning import plan
from tests.planning_table import NOW, STOPPED, TABLE, P, facts, generation, replica, running, serving


@pytest.mark.parametrize(("given", "status", "actions"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_table(given: Facts, status: Status, actions: Sequence[Action]) -> None:
    planned = plan(given)

    assert list(planned.actions) == list(actions)
    assert planned.status is status


@pytest.mark.parametrize("step", [Step.PREPARED, Step.FETCHED, Step.STARTED, Step.HEALTHY])
def test_no_step_waits_for_ever(step: Step) -> None:
    phases = {
        Step.PREPARED: P.PREPARING,
        Step.FETCHED: P.FETCHING,
        Step.STARTED: P.STARTING,
        Step.HEALTHY: P.LISTENING,
    }
    slow = replica(phases[step], attempt_began_at=NOW - timedelta(seconds=11))
    late = {Step.REQUESTED: NOW - timedelta(seconds=12), Step.PLACED: NOW - timedelta(seconds=12)}
    given = generation(1, slow, steps=late, deadlines={step: timedelta(seconds=10)})

    planned = plan(facts(given))

    assert planned.status is Status.DEAD
    assert planned.message is not None
    assert "within 10 s" in planned.message


def test_waiting_for_capacity_has_an_end_and_names_what_was_missing() -> None:
    waited = generation(1, began_at=NOW - timedelta(hours=2), steps={}, waiting="It needs 11 GB, 8 GB free.")

    planned = plan(facts(waited))

    assert planned.status is Status.DEAD
    assert planned.message == "There was no capacity for it within 1 h. It needs 11 GB, 8 GB free."


def test_a_proof_that_never_succeeds_ends_the_attempt_with_its_reason() -> None:
    long_ago = dict.fromkeys((Step.REQUESTED, Step.PLACED, Step.STARTED, Step.HEALTHY), NOW - timedelta(minutes=2))
    healthy = replica(P.HEALTHY, attempt_began_at=NOW - timedelta(minutes=3))
    given = generation(1, healthy, steps=long_ago, proof_message="It answered 500.")

    planned = plan(facts(given))

    assert planned.status is Status.DEAD
    assert planned.message == "No request through the gateway succeeded within 1 min. It answered 500."


def test_steps_are_done_when_all_replicas_have_done_them() -> None:
    planned = plan(facts(generation(1, replica(P.HEALTHY), replica(P.STARTING, 1))))

    assert planned.steps[1] == (Step.PLACED, Step.PREPARED, Step.FETCHED)


def test_a_settled_deployment_is_looked_at_seldom_and_a_starting_one_often() -> None:
    settled = plan(serving(running())).next_pass_in
    starting = plan(facts(generation(1, replica(P.STARTING)))).next_pass_in

    assert settled == timedelta(seconds=30)
    assert starting == timedelta(milliseconds=200)
    assert plan(facts(target=STOPPED)).next_pass_in is None


def test_what_is_waiting_says_why() -> None:
    planned = plan(facts(generation(1, waiting="Waiting for capacity: it needs 3 GB of memory, 1 GB free.")))

    assert planned.message == "Waiting for capacity: it needs 3 GB of memory, 1 GB free."
    assert planned.severity == "warning"


def test_an_unready_update_of_a_deployment_that_serves_says_so() -> None:
    planned = plan(serving(running(), generation(2, replica(P.PREPARING, 1, detail="installing 34 packages"))))

    assert planned.message == "Updating to conf-2: Preparing the Python environment: installing 34 packages"
    assert planned.status is Status.RUNNING
