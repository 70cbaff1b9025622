"""A runtime that finds nodes by itself: nothing is counted for it, and it says in numbers what it waits for."""

from __future__ import annotations

import subprocess

import pytest

from deployments import operations, reconciler
from deployments.lifecycle import ReplicaPhase, Status, Step
from deployments.messages import render
from deployments.models import Deployment, Generation, Replica
from deployments.queries.capacity import check_placement
from tests.reconciler.world import ACTOR, FakeWorld
from tests.waiting import wait_until


@pytest.fixture
def world(transactional_db: None, gateway: subprocess.Popen[bytes], answering_port: int) -> FakeWorld:
    return FakeWorld(answering_port, kind="fake-cluster", variant="crowded")


def test_what_the_runtime_is_short_of_is_said_until_it_has_found_a_node(world: FakeWorld) -> None:
    deployment = world.deploy(world.configure("huge", resourcePlan="huge"))  # more than there is in all
    world.until(lambda: Replica.objects.filter(phase=ReplicaPhase.SCHEDULING).exists(), "it is being scheduled")
    world.passes()

    row = Deployment.objects.get(pk=deployment.pk)
    assert row.status == Status.PENDING
    assert row.message is not None
    assert row.message.reason == "WaitingForCapacity"
    assert render(row.message) == "Waiting for capacity: it needs 1 GPU, 0 GPU free."
    assert Step.PLACED not in Generation.objects.get().steps
    assert Replica.objects.get().port == 0

    world.engine.has_room = True
    world.until_status(deployment, Status.RUNNING)

    assert Step.PLACED in Generation.objects.get().steps
    assert world.ask(deployment)[0] == 200


def test_what_is_being_scheduled_can_be_stopped(world: FakeWorld) -> None:
    deployment = world.deploy()
    world.until(lambda: Replica.objects.filter(phase=ReplicaPhase.SCHEDULING).exists(), "it is being scheduled")
    deployment.refresh_from_db()

    operations.stop_deployment(ACTOR, deployment)
    world.until_status(deployment, Status.STOPPED)

    assert world.alive(deployment) == []


def test_nobody_says_beforehand_whether_it_fits(world: FakeWorld) -> None:
    check = check_placement(world.configure("huge", resourcePlan="huge"), world.group)

    assert check.shortfall is None
    assert not check.can_never_fit


def test_the_gateway_is_told_where_a_server_is_reached_before_the_next_sweep(world: FakeWorld) -> None:
    deployment = world.deploy()
    world.until(lambda: Replica.objects.filter(phase=ReplicaPhase.SCHEDULING).exists(), "it is being scheduled")
    world.engine.has_room = True

    def runs() -> bool:
        reconciler.reconcile(deployment.pk)
        return world.status(deployment) == Status.RUNNING

    wait_until(runs, what="it runs, and nobody sweeps")
    assert world.ask(deployment)[0] == 200
