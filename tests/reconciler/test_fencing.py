"""Of a stop and a start that comes late, the stop wins: an older start never runs on after a newer stop."""

from __future__ import annotations

from contextlib import suppress

from django.utils import timezone

from deployments import operations
from deployments.lifecycle import ReplicaPhase, Status
from deployments.models import Deployment, Replica
from deployments.reconciler import lease as leases
from deployments.reconciler import reconcile
from deployments.runtimes.base import ReplicaSpec
from tests.reconciler.world import ACTOR, FakeWorld, due


class Cut(BaseException):
    """The end of a process at this very place."""


def stop_meanwhile(world: FakeWorld, deployment: Deployment) -> None:
    """Let a reconcile that is about to start a server lose its lease there, and another one stop the deployment."""

    def meanwhile(spec: ReplicaSpec) -> None:
        world.engine.before_start = lambda spec: None
        Deployment.objects.filter(pk=deployment.pk).update(
            lease_token="", lease_until=None, next_reconcile_at=timezone.now(), status=Status.PENDING
        )
        operations.stop_deployment(ACTOR, Deployment.objects.get(pk=deployment.pk))
        world.until_status(deployment, Status.STOPPED)

    world.engine.before_start = meanwhile


def test_a_start_that_comes_after_the_stop_is_taken_back_at_once(fake_world: FakeWorld) -> None:
    deployment = fake_world.deploy()
    stop_meanwhile(fake_world, deployment)

    fake_world.until_status(deployment, Status.STOPPED)

    assert fake_world.engine.replicas  # it was started
    assert fake_world.alive(deployment) == []


def test_what_a_pass_has_started_that_died_then_is_ended_by_the_next_look(fake_world: FakeWorld) -> None:
    deployment = fake_world.until_status(fake_world.deploy(), Status.RUNNING)
    (name,) = fake_world.alive(deployment)
    Replica.objects.update(
        fence=1, phase=ReplicaPhase.STARTING
    )  # another reconcile was to stop it, and has called the runtime

    due()

    assert [one.phase for one in fake_world.runtime.list_all() if one.name == name] == [ReplicaPhase.EXITED]


def test_a_server_that_was_stopped_and_that_the_runtime_has_lost_is_started_as_the_next_attempt(
    fake_world: FakeWorld,
) -> None:
    deployment = fake_world.until_status(fake_world.deploy(), Status.RUNNING)
    Replica.objects.update(fence=1)
    fake_world.engine.replicas.clear()

    fake_world.until(lambda: Replica.objects.get().attempt == 2, "there is a second attempt")
    fake_world.until_status(deployment, Status.RUNNING)

    assert fake_world.alive(deployment) == [f"{deployment.pk}-1-0"]


def test_a_pass_without_its_lease_never_passes_the_fence(fake_world: FakeWorld) -> None:
    deployment = fake_world.deploy()

    def cut(spec: ReplicaSpec) -> None:
        raise Cut

    fake_world.engine.before_start = cut
    with suppress(Cut):
        fake_world.until_status(deployment, Status.RUNNING)
    fake_world.engine.before_start = lambda spec: None
    Replica.objects.update(fence=1)
    Deployment.objects.update(lease_token="somebody", next_reconcile_at=timezone.now())
    assert leases.acquire(deployment.pk) is not None  # which the reconcile below does not have

    assert reconcile(deployment.pk) == []

    assert Replica.objects.get().attempt == 1
