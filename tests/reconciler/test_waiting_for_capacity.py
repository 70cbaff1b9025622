"""Who waits for capacity is woken by it, in order, and says in true numbers what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from deployments import operations, reasons
from deployments.lifecycle import Status
from deployments.messages import Message, render
from deployments.models import Connection, Deployment, Generation, Replica, columns_of
from deployments.reconciler import Requeue, reconcile
from deployments.reconciler.capacity_queue import wake_waiting
from deployments.reconciler.core.plan import WAITING_REQUEUE
from tests import factories as make
from tests.reconciler.world import ACTOR, FakeWorld
from tests.waiting import wait_until

GB = 1_000_000_000
LOOKING = reasons.LOOKING_FOR_CAPACITY()


def connection_with(gigabytes: int) -> Connection:
    connection = make.make_connection()
    make.record_nodes(connection, replace(make.capacity_of_machine(), memory_bytes=gigabytes * GB))
    return connection


def wait_with(gigabytes: int, *, minutes: int, waiting: Message = LOOKING) -> Generation:
    """Return a generation that has waited for so long for so much memory."""
    plan = make.make_plan(f"plan-{gigabytes}", cpu_millis=1, memory_bytes=gigabytes * GB)
    deployment = make.make_deployment(status=Status.PENDING, **columns_of(waiting))
    Deployment.objects.filter(pk=deployment.pk).update(next_reconcile_at=timezone.now() + WAITING_REQUEUE)
    return make.make_generation(
        deployment,
        waiting=waiting,
        began_at=timezone.now() - timedelta(minutes=minutes),
        server_spec={"resource_plan": plan.pk, "min_replicas": 1},
    )


def message(generation: Generation) -> str:
    return render(Deployment.objects.get(pk=generation.deployment_id).message)


@pytest.mark.django_db
def test_those_that_fit_are_woken_the_longest_waiting_first() -> None:
    youngest, oldest, middle = (wait_with(3, minutes=minutes) for minutes in (1, 3, 2))

    woken = wake_waiting(connection_with(7))

    assert woken == [oldest.deployment_id, middle.deployment_id]
    due = set(Deployment.objects.filter(next_reconcile_at__lte=timezone.now()).values_list("pk", flat=True))
    assert due == set(woken)
    assert message(youngest) == "Waiting for capacity: it needs 3 GB of memory, 1 GB of memory free."


@pytest.mark.django_db
def test_smaller_ones_pass_by_a_large_one_for_five_minutes_only() -> None:
    large, small = wait_with(6, minutes=4), wait_with(1, minutes=3)
    holder = make.make_replica(make.make_generation(make.make_deployment()), memory_bytes=3 * GB, cpu_millis=1)
    assert wake_waiting(connection_with(8)) == [small.deployment_id]

    Generation.objects.filter(pk=large.pk).update(began_at=timezone.now() - timedelta(minutes=6))
    assert wake_waiting(connection_with(8)) == []
    assert message(small) == f"Waiting for its turn: {large.deployment_id} has waited longer for capacity."

    Replica.objects.filter(pk=holder.pk).update(is_reserved=False)
    assert wake_waiting(connection_with(8)) == [large.deployment_id, small.deployment_id]


@pytest.mark.django_db
def test_what_can_never_fit_is_in_nobodys_way() -> None:
    huge, small = wait_with(90, minutes=9), wait_with(1, minutes=1)

    assert wake_waiting(connection_with(8)) == [small.deployment_id]
    assert message(huge).endswith("It can never fit here: choose a smaller plan.")


@pytest.mark.django_db
def test_the_numbers_of_an_update_that_waits_stay_true_too() -> None:
    short = reasons.WAITING_FOR_CAPACITY(short=[reasons.MEMORY_SHORT(need_bytes=6 * GB, free_bytes=GB)])
    waiting = wait_with(6, minutes=1, waiting=short)
    name = waiting.configuration.name
    rows = Deployment.objects.filter(pk=waiting.deployment_id)
    rows.update(**columns_of(reasons.UPDATING(configuration=name, doing=short)), serving_generation=7)

    wake_waiting(connection_with(5))

    assert message(waiting).startswith(f"Updating to {name}: Waiting for capacity: it needs 6 GB of memory, 5 GB")


@pytest.mark.django_db
def test_a_look_at_which_nothing_has_changed_writes_nothing(
    django_assert_num_queries: pytest.FixtureRequest,
) -> None:
    for _ in range(5):
        wait_with(6, minutes=1)
    connection = connection_with(5)
    wake_waiting(connection)

    with django_assert_num_queries(4):  # type: ignore[operator]
        wake_waiting(connection)


def test_a_release_wakes_the_one_that_waits_and_nothing_else_makes_passes(fake_world: FakeWorld) -> None:
    world = fake_world
    share = world.runtime.nodes()[0].resources.memory_bytes * 6 // 10
    make.make_plan("most", cpu_millis=10, memory_bytes=share)
    configuration = world.configure(resourcePlan="most")
    first = world.until_status(world.deploy(configuration), Status.RUNNING)
    second = world.deploy(configuration)
    world.until(lambda: Generation.objects.filter(deployment=second, waiting__isnull=False).exists(), "it waits")
    world.passes()

    second.refresh_from_db()
    assert render(second.message).startswith("Waiting for capacity: it needs ")
    assert second.next_reconcile_at is not None
    assert second.next_reconcile_at > timezone.now() + timedelta(seconds=50)

    operations.stop_deployment(ACTOR, first)

    def release_wakes_the_second() -> bool:
        Deployment.objects.filter(pk=first.pk).update(next_reconcile_at=timezone.now())
        return Requeue(deployment_id=second.pk) in reconcile(first.pk)

    wait_until(release_wakes_the_second, what="the reconcile that releases enqueues one of the waiting deployment")
    world.until_status(second, Status.RUNNING)
