"""Replicas are placed on nodes, started there, and stay there; when a node disappears, its resources stay theirs."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from deployments import operations
from deployments.lifecycle import Status
from deployments.messages import render
from deployments.models import Deployment, Generation, Replica, Role
from deployments.queries.capacity import capacity_of
from deployments.runtimes.base import Node, Resources
from tests import factories as make
from tests.reader import PLAIN_STATIC, text_of_page
from tests.reconciler.world import ACTOR, FakeWorld

GB = 1_000_000_000


def node(name: str, cpu: int, memory: int = 16) -> Node:
    return Node(name=name, resources=Resources(cpu_millis=cpu * 1000, memory_bytes=memory * GB))


@pytest.fixture
def world(fake_world: FakeWorld) -> FakeWorld:
    """A world of two nodes."""
    for cpu in (2, 4):
        make.make_plan(f"cpu-{cpu}", cpu_millis=cpu * 1000, memory_bytes=GB)
    fake_world.engine.nodes = (node("large", 4), node("small", 2))
    fake_world.passes()
    return fake_world


def runs_on(world: FakeWorld, deployment: Deployment) -> dict[str, str]:
    """Return the nodes on which the engine was told to start the servers that live."""
    attempts = {name: world.engine.replicas[name][1] for name in world.alive(deployment)}
    return {name: attempts[name][max(attempts[name])].spec.node for name in attempts}


def test_replicas_start_on_the_nodes_that_they_fit_on(world: FakeWorld) -> None:
    small = world.until_status(world.deploy(world.configure("small", resourcePlan="cpu-2")), Status.RUNNING)
    large = world.until_status(world.deploy(world.configure("large", resourcePlan="cpu-4")), Status.RUNNING)

    assert runs_on(world, small) == {f"{small.pk}-1-0": "small"}
    assert runs_on(world, large) == {f"{large.pk}-1-0": "large"}
    assert set(Replica.objects.values_list("node", flat=True)) == {"small", "large"}


def test_a_replica_restarts_on_its_node(world: FakeWorld) -> None:
    deployment = world.until_status(world.deploy(world.configure("small", resourcePlan="cpu-2")), Status.RUNNING)
    name = f"{deployment.pk}-1-0"
    world.engine.nodes = (*world.engine.nodes, node("smaller", 2, 8))

    world.engine.kill(name)
    world.until(lambda: max(world.engine.replicas[name][1]) == 2, "it is started again")

    assert runs_on(world, deployment) == {name: "small"}


def test_what_waits_says_what_the_largest_free_node_has_and_is_placed_when_one_is_released(world: FakeWorld) -> None:
    first = world.until_status(world.deploy(world.configure("first", resourcePlan="cpu-4")), Status.RUNNING)
    second = world.deploy(world.configure("second", resourcePlan="cpu-4"))
    world.until(lambda: Generation.objects.filter(deployment=second, waiting__isnull=False).exists(), "it waits")
    world.passes()

    second.refresh_from_db()
    assert render(second.message) == "Waiting for capacity: it needs 4 CPU; the largest free node has 2."

    operations.stop_deployment(ACTOR, first)
    world.until_status(first, Status.STOPPED)
    world.until_status(second, Status.RUNNING)
    assert runs_on(world, second) == {f"{second.pk}-1-0": "large"}


def test_a_node_that_comes_is_used(world: FakeWorld) -> None:
    world.until_status(world.deploy(world.configure("first", resourcePlan="cpu-4")), Status.RUNNING)
    second = world.deploy(world.configure("second", resourcePlan="cpu-4"))
    world.until(lambda: Generation.objects.filter(deployment=second, waiting__isnull=False).exists(), "it waits")

    world.engine.nodes = (*world.engine.nodes, node("new", 4))
    world.until_status(second, Status.RUNNING)

    assert runs_on(world, second) == {f"{second.pk}-1-0": "new"}


def test_what_is_reserved_on_a_node_that_disappears_stays_so_until_the_replica_ends(world: FakeWorld) -> None:
    deployment = world.until_status(world.deploy(world.configure("large", resourcePlan="cpu-4")), Status.RUNNING)
    nodes = world.engine.nodes
    world.engine.nodes = (node("small", 2),)
    world.passes()

    capacity = capacity_of(world.group.connection)
    assert capacity is not None
    assert (capacity.elsewhere.cpu_millis, capacity.free.cpu_millis) == (4000, 2000)

    world.engine.nodes = nodes
    world.passes()
    returned = capacity_of(world.group.connection)
    assert returned is not None
    assert (returned.elsewhere.cpu_millis, returned.free.cpu_millis) == (0, 2000)

    world.engine.nodes = (node("small", 2),)
    operations.stop_deployment(ACTOR, deployment)
    world.until_status(deployment, Status.STOPPED)
    world.passes()
    ended = capacity_of(world.group.connection)
    assert ended is not None
    assert ended.reserved.cpu_millis == 0


def test_a_replica_that_has_lost_its_node_fails_with_that_sentence(world: FakeWorld) -> None:
    deployment = world.until_status(world.deploy(world.configure("large", resourcePlan="cpu-4")), Status.RUNNING)
    world.engine.nodes = (node("small", 2),)
    world.engine.kill(f"{deployment.pk}-1-0")

    world.until_status(deployment, Status.DEAD)

    assert "Its node large is not there any more." in render(deployment.message)


def test_the_page_of_a_connection_has_its_nodes_if_there_are_several(world: FakeWorld, client: Client) -> None:
    deployment = world.until_status(world.deploy(world.configure("large", resourcePlan="cpu-4")), Status.RUNNING)
    client.force_login(make.make_user(Role.ADMINISTRATOR))
    url = f"/administration/connections/{world.group.connection.name}/"

    def shown() -> str:
        with override_settings(STORAGES=PLAIN_STATIC):
            return text_of_page(client.get(url).content.decode())

    text = shown()
    assert "large Memory: 1 GB of 16 GB CPU: 4 of 4" in text
    assert "small Memory: 0 B of 16 GB CPU: 0 of 2" in text
    assert "not there any more" not in text

    world.engine.nodes = (node("small", 2),)
    world.passes()
    assert "4 CPU, 1 GB stay reserved by replicas of nodes that are not there any more" in shown()

    operations.stop_deployment(ACTOR, deployment)
    world.until_status(deployment, Status.STOPPED)
    world.passes()
    assert "Nodes" not in shown()
