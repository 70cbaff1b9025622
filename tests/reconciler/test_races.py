"""Several reconciles, requests and schedulings at the same moment have one effect."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connection

from deployments import operations, reconciler
from deployments.errors import OperationRefused
from deployments.lifecycle import Status
from deployments.models import Attempt, Configuration, Deployment, Generation, Replica
from deployments.reconciler import lease as leases
from deployments.runtimes.base import Node, Resources
from deployments.scheduling.placement import schedule
from deployments.scheduling.server_specs import server_spec_of, to_dict
from tests import factories as make
from tests.reconciler.world import ACTOR, FakeWorld

Result = TypeVar("Result")
MANY = 6


def at_once(do: Callable[[int], Result]) -> list[Result]:
    """Call `do` in several threads at the same moment and return what each gave."""
    start = Barrier(MANY)

    def one(number: int) -> Result:
        start.wait(10)
        try:
            return do(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(MANY) as threads:
        return list(threads.map(one, range(MANY)))


@pytest.fixture
def world(fake_world: FakeWorld) -> FakeWorld:
    return fake_world


def test_one_of_many_passes_gets_the_lease(world: FakeWorld) -> None:
    deployment = world.deploy()

    taken = at_once(lambda _: leases.acquire(deployment.pk))

    assert sum(lease is not None for lease in taken) == 1


def test_many_passes_at_once_start_one_server(world: FakeWorld) -> None:
    deployment = world.deploy()

    at_once(lambda _: reconciler.reconcile(deployment.pk))
    world.until_status(deployment, Status.RUNNING)

    assert Attempt.objects.filter(replica__generation__deployment=deployment).count() == 1
    assert world.alive(deployment) == [f"{deployment.pk}-1-0"]


def test_the_last_place_is_given_away_once(world: FakeWorld) -> None:
    configuration = world.configure()
    (node,) = world.runtime.nodes()
    make.record_nodes(world.group.connection, replace(node.resources, memory_bytes=200_000_000))
    generations = begin(world, configuration)

    at_once(lambda number: schedule(generations[number], world.group.connection))

    assert Replica.objects.filter(is_reserved=True).count() == 1
    assert Generation.objects.filter(waiting__isnull=False).count() == MANY - 1
    Replica.objects.update(is_reserved=False)


def test_the_last_place_of_each_node_is_given_away_once(world: FakeWorld) -> None:
    room = Resources(cpu_millis=1000, memory_bytes=200_000_000)
    make.record_nodes(world.group.connection, *(Node(name=name, resources=room) for name in ("one", "two", "three")))
    generations = begin(world, world.configure())

    at_once(lambda number: schedule(generations[number], world.group.connection))

    assert sorted(Replica.objects.values_list("node", flat=True)) == ["one", "three", "two"]
    assert Generation.objects.filter(waiting__isnull=False).count() == MANY - 3
    Replica.objects.update(is_reserved=False)


def begin(world: FakeWorld, configuration: Configuration) -> list[Generation]:
    """Return generations of as many deployments, none of which has been scheduled."""
    generations = []
    for _ in range(MANY):
        deployment = world.deploy(configuration)
        Deployment.objects.filter(pk=deployment.pk).update(next_reconcile_at=None, observed_generation=1)
        server_spec = to_dict(server_spec_of(configuration))
        generations.append(
            Generation.objects.create(
                deployment=deployment, number=1, configuration=configuration, server_spec=server_spec
            )
        )
    return generations


def test_of_many_stops_one_is_taken(world: FakeWorld) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)

    def stop(_: int) -> bool:
        try:
            operations.stop_deployment(
                ACTOR, Deployment.objects.select_related("resource_group").get(pk=deployment.pk)
            )
        except OperationRefused:
            return False
        return True

    assert sum(at_once(stop)) == 1
    deployment.refresh_from_db()
    assert deployment.generation == 2


def test_the_quota_holds_when_many_come_at_once(world: FakeWorld) -> None:
    configuration = world.configure()
    world.group.deployment_quota = 2
    world.group.save()

    def create(_: int) -> bool:
        try:
            world.deploy(configuration)
        except OperationRefused:
            return False
        return True

    assert sum(at_once(create)) == 2
    assert Deployment.objects.count() == 2
