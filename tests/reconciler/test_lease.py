"""A lease ends with its holder, and nothing waits for times from before the clock was set back."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from deployments.lifecycle import ReplicaPhase, Status, Step
from deployments.models import Deployment, Generation, Replica
from deployments.reconciler import lease as leases
from deployments.reconciler import reconcile
from deployments.reconciler.observe import observe
from tests import factories as make
from tests.factories import local_runtime
from tests.reconciler.world import World, due

HOUR = timedelta(hours=1)


@pytest.fixture
def waiting() -> Deployment:
    """A deployment that is due."""
    return make.make_deployment(status=Status.UNKNOWN)


def test_the_lease_of_a_process_that_was_killed_is_given_back_at_once(world: World) -> None:
    deployment = world.deploy()
    holder = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    token = f"{leases._process_token(holder.pid)}0123abcd"
    until = timezone.now() + timedelta(seconds=30)
    Deployment.objects.update(lease_token=token, lease_until=until)

    assert due() == []
    holder.kill()
    holder.wait(10)

    assert due() == [deployment.pk]
    world.until_status(deployment, Status.RUNNING)


@pytest.mark.django_db
def test_the_lease_of_another_machine_is_left_alone(waiting: Deployment) -> None:
    until = timezone.now() + timedelta(seconds=30)
    Deployment.objects.update(lease_token=f"zzzz-{1:x}-0-0123abcd", lease_until=until)

    assert leases.release_of_dead_processes() == 0


@pytest.mark.django_db
def test_a_token_fits_its_column(waiting: Deployment) -> None:
    lease = leases.acquire(waiting.pk)

    assert lease is not None
    assert len(lease.token) <= 32
    assert leases.release_of_dead_processes() == 0


@pytest.mark.django_db
def test_a_lease_from_before_the_clock_was_set_back_blocks_nobody(waiting: Deployment) -> None:
    Deployment.objects.update(lease_token="anybody", lease_until=timezone.now() + HOUR)

    assert leases.acquire(waiting.pk) is not None


@pytest.mark.django_db
def test_a_pass_from_before_the_clock_was_set_back_is_due() -> None:
    settled = make.make_deployment(next_reconcile_at=timezone.now() + 2 * HOUR)
    later = make.make_deployment(next_reconcile_at=timezone.now() + timedelta(minutes=5))

    assert leases.acquire(settled.pk) is not None
    assert leases.acquire(later.pk) is None


@pytest.mark.django_db
def test_times_from_before_the_clock_was_set_back_count_from_now() -> None:
    deployment = make.make_deployment()
    future = timezone.now() + HOUR
    steps = {step.value: future.isoformat() for step in Step}
    times: dict[str, Any] = {"began_at": future, "verified_at": future, "draining_since": future, "steps": steps}
    generation = make.make_generation(deployment, **times)
    of_replica: dict[str, Any] = {
        "unhealthy_since": future,
        "healthy_since": future,
        "launched_at": future,
        "restart_at": future,
    }
    make.make_replica(generation, phase=ReplicaPhase.LISTENING, **of_replica)

    facts = observe(deployment, local_runtime())

    seen = facts.generations[1]
    latest = facts.now
    assert (
        max(seen.began_at, seen.verified_at or future, seen.draining_since or future, *seen.steps.values()) <= latest
    )
    replica = seen.replicas[0]
    found = (replica.unhealthy_since, replica.healthy_since, replica.launched_at, replica.restart_at)
    assert all(at is not None and at <= latest for at in found)
    assert Generation.objects.get().draining_since == latest
    assert Replica.objects.get().unhealthy_since == latest


def test_a_server_that_hung_before_the_clock_was_set_back_is_not_called_running_for_an_hour(world: World) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    future = timezone.now() + HOUR
    Deployment.objects.filter(pk=deployment.pk).update(next_reconcile_at=future + HOUR)
    Replica.objects.update(healthy_since=future)
    Generation.objects.update(verified_at=future)

    assert due() == [deployment.pk]
    reconcile(deployment.pk)

    assert Generation.objects.filter(verified_at__lte=timezone.now()).exists()
