"""What can never be placed is refused when it is asked for, with its numbers; what only has to wait is not."""

from __future__ import annotations

from typing import Any

import pytest

from deployments import operations
from deployments.errors import InvalidInput, QuotaExceeded
from deployments.lifecycle import Status
from deployments.models import Actor, Configuration, ConnectionStatus, Deployment, ResourcePlan, Role
from deployments.runtimes.base import Node, Resources
from tests import factories as make

pytestmark = pytest.mark.django_db

EDITOR = Actor(name="erin", role=Role.EDITOR)


@pytest.fixture
def memory() -> int:
    """All that there is to place servers on, in bytes."""
    return make.capacity_of_machine().memory_bytes


def configure(**plan: Any) -> Configuration:
    """Return a configuration whose plan is this."""
    configuration = make.make_configuration()
    ResourcePlan.objects.filter(pk="tiny").update(**plan)
    return configuration


def create(configuration: Configuration) -> Deployment:
    return operations.create_deployment(EDITOR, configuration.resource_group, configuration)


def test_more_memory_than_there_is_in_all_is_refused(memory: int) -> None:
    configuration = configure(memory_bytes=900_000_000_000)

    with pytest.raises(InvalidInput) as refused:
        create(configuration)

    said = str(refused.value)
    assert "It can never run here: it needs 900 GB of memory, and the connection local has " in said
    assert f"{memory / 1e9:.2f}".rstrip("0").rstrip(".") + " GB of memory in all" in said
    assert set(refused.value.problems) == {"configuration"}
    assert not Deployment.objects.exists()


def test_a_gpu_is_refused_where_there_is_none() -> None:
    if make.capacity_of_machine().gpus:
        pytest.skip("This machine has a GPU.")

    with pytest.raises(InvalidInput, match="it needs 1 GPU, and the connection local has 0 GPU in all"):
        create(configure(gpus=1))


def test_more_cores_than_there_are_are_refused() -> None:
    with pytest.raises(InvalidInput, match="it needs 100000 CPU, and the connection local has"):
        create(configure(cpu_millis=100_000_000))


def test_what_would_fit_an_empty_machine_is_not_refused_on_a_full_one(memory: int) -> None:
    holder = make.make_generation(make.make_deployment(make.make_configuration(make.make_group("other"))))
    make.make_replica(holder, memory_bytes=memory)

    assert create(configure(memory_bytes=memory)).status == Status.UNKNOWN


def test_an_update_to_what_never_fits_is_refused() -> None:
    deployment = make.make_deployment()
    other = configure(memory_bytes=900_000_000_000)

    with pytest.raises(InvalidInput, match="It can never run here"):
        operations.update_deployment(EDITOR, deployment, other)

    deployment.refresh_from_db()
    assert deployment.generation == 1


def test_an_update_that_never_fits_beside_what_serves_meanwhile_is_refused(memory: int) -> None:
    deployment = make.make_deployment()
    make.make_replica(make.make_generation(deployment), memory_bytes=memory * 6 // 10)
    other = configure(memory_bytes=memory * 6 // 10)

    with pytest.raises(InvalidInput, match="stop the deployment first"):
        operations.update_deployment(EDITOR, deployment, other)

    Deployment.objects.filter(pk=deployment.pk).update(status=Status.DEAD, serving_generation=None)
    deployment.refresh_from_db()
    operations.update_deployment(EDITOR, deployment, other)


def test_nothing_is_refused_while_the_capacity_is_not_known() -> None:
    configuration = configure(memory_bytes=900_000_000_000)
    ConnectionStatus.objects.all().delete()

    create(configuration)


def nodes_of(*cores: int) -> None:
    """Let the connection be seen with nodes of so many cores."""
    nodes = [
        Node(name=f"node-{at}", resources=Resources(cpu_millis=number * 1000, memory_bytes=64_000_000_000))
        for at, number in enumerate(cores)
    ]
    make.record_nodes(make.make_connection(), *nodes)


def test_what_fits_no_node_is_refused_though_all_together_have_it() -> None:
    nodes_of(4, 4)

    with pytest.raises(InvalidInput) as refused:
        create(configure(cpu_millis=6000))

    assert str(refused.value) == (
        "It can never run on the nodes of the connection local: it needs 6 CPU; the largest free node has 4 (and the "
        "largest of all 4). Choose a configuration with a smaller resource plan or fewer replicas."
    )
    assert create(configure(cpu_millis=4000)).status == Status.UNKNOWN


def test_an_update_that_fits_no_node_beside_what_serves_meanwhile_is_refused() -> None:
    nodes_of(4, 8)
    deployment = make.make_deployment()
    make.make_replica(make.make_generation(deployment), cpu_millis=4000, memory_bytes=1, node="node-1")

    with pytest.raises(InvalidInput, match=r"it needs 5 CPU; the largest free node has 4\. .* stop the deployment"):
        operations.update_deployment(EDITOR, deployment, configure(cpu_millis=5000))

    operations.update_deployment(EDITOR, deployment, configure(cpu_millis=4000))


def test_while_a_connection_has_no_node_nothing_is_refused() -> None:
    nodes_of()

    assert create(configure(cpu_millis=6000)).status == Status.UNKNOWN


def test_a_group_that_may_have_none_is_told_so() -> None:
    configuration = make.make_configuration(make.make_group(deployment_quota=0))

    with pytest.raises(QuotaExceeded, match="The resource group default may have no deployments"):
        create(configuration)
