"""Replicas are placed on nodes by plain arithmetic, and what is missing is said in numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.messages import Message, render
from deployments.runtimes.base import Node, Resources
from deployments.scheduling.capacity import NOTHING, Capacity, capacity_of, fits, never_fits, place, shortfall_of

GB = 1_000_000_000


def need(cpu: float, memory: float = 1, gpus: int = 0) -> Resources:
    return Resources(cpu_millis=int(cpu * 1000), memory_bytes=int(memory * GB), gpus=gpus)


def node(name: str, cpu: float, memory: float = 64, gpus: int = 0) -> Node:
    return Node(name=name, resources=need(cpu, memory, gpus))


def nodes_of(each: Resources, replicas: int, capacity: Capacity) -> list[str]:
    placed = place(each, replicas, capacity)
    assert not isinstance(placed, Message)
    return list(placed.nodes)


def test_a_replica_goes_where_least_is_left() -> None:
    nodes = [node("wide", 16, 64), node("narrow", 4, 8), node("narrower", 2, 4)]

    assert nodes_of(need(1), 1, capacity_of(nodes, {})) == ["narrower"]
    assert nodes_of(need(3), 1, capacity_of(nodes, {})) == ["narrow"]
    assert nodes_of(need(3), 3, capacity_of(nodes, {"narrow": need(1)})) == ["narrow", "wide", "wide"]


def test_gpus_stay_free_for_those_that_need_some() -> None:
    nodes = [node("with", 2, 4, gpus=2), node("without", 16, 64)]

    assert nodes_of(need(1), 1, capacity_of(nodes, {})) == ["without"]
    assert nodes_of(need(1, gpus=1), 2, capacity_of(nodes, {})) == ["with", "with"]


def test_of_equal_nodes_it_is_the_first_by_name_in_whatever_order_they_come() -> None:
    nodes = [node("b", 4), node("a", 4)]

    assert nodes_of(need(3), 2, capacity_of(nodes, {})) == ["a", "b"]
    assert nodes_of(need(3), 2, capacity_of(nodes[::-1], {})) == ["a", "b"]


@pytest.mark.parametrize(
    ("each", "replicas", "said"),
    [
        (need(4), 1, "Waiting for capacity: it needs 4 CPU; the largest free node has 2."),
        (
            need(1, 80),
            1,
            "Waiting for capacity: it needs 80 GB of memory; the largest free node has 63 GB (and the largest of all "
            "64 GB). It can never fit here: choose a smaller plan.",
        ),
        (need(1, 1, gpus=1), 1, "Waiting for capacity: it needs 1 GPU; the largest free node has 0."),
        (
            need(2, 40),
            1,
            "Waiting for capacity: it needs 2 CPU and 40 GB of memory on one node, and no node has both free.",
        ),
        (
            need(2),
            2,
            "Waiting for capacity: each of its 2 replicas needs 2 CPU and 1 GB of memory on one node; the nodes have "
            "room for 1 of them.",
        ),
        (
            need(4, gpus=1),
            2,
            "Waiting for capacity: it needs 4 CPU; the largest free node has 2; it needs 1 GPU; the largest free node "
            "has 0. It can never fit here: choose a smaller plan.",
        ),
    ],
)
def test_what_is_missing_is_said_of_the_largest_node(each: Resources, replicas: int, said: str) -> None:
    nodes = [node("one", 4, 32, gpus=1), node("two", 8, 64)]
    capacity = capacity_of(nodes, {"one": need(2, 1, gpus=1), "two": need(7)})

    assert render(shortfall_of(each, replicas, capacity)) == said


def test_of_one_node_the_sum_is_said() -> None:
    capacity = capacity_of([node("only", 4, 8)], {"": need(1, 3)})

    assert render(shortfall_of(need(1, 3), 2, capacity)) == (
        "Waiting for capacity: it needs 6 GB of memory, 5 GB of memory free."
    )
    assert render(shortfall_of(need(2, 1), 3, capacity)) == (
        "Waiting for capacity: it needs 6 CPU, 3 CPU free (and 4 CPU in all). It can never fit here: choose a "
        "smaller plan."
    )


def test_what_is_reserved_on_a_node_that_is_gone_takes_nothing_from_the_others() -> None:
    capacity = capacity_of([node("here", 4, 8)], {"gone": need(3, 6), "here": need(1, 1)})

    assert capacity.reserved == need(4, 7)
    assert capacity.free == need(3, 7)
    assert capacity.elsewhere == need(3, 6)
    back = capacity_of([node("here", 4, 8), node("gone", 4, 8)], {"gone": need(3, 6), "here": need(1, 1)})
    assert nodes_of(need(3), 1, back) == ["here"]


def test_while_there_is_no_node_it_waits_and_nobody_says_never() -> None:
    capacity = capacity_of([], {})

    assert not never_fits(need(1), 1, capacity)
    assert render(shortfall_of(need(1), 1, capacity)).startswith("Waiting for capacity: it needs 1 GB of memory; the")


AMOUNTS = st.builds(Resources, cpu_millis=st.integers(1, 6), memory_bytes=st.integers(1, 6), gpus=st.integers(0, 2))


@given(each=AMOUNTS, replicas=st.integers(1, 8), sizes=st.lists(AMOUNTS, min_size=1, max_size=5))
def test_as_many_are_placed_as_there_can_be_and_no_node_has_more_than_it_has(
    each: Resources, replicas: int, sizes: list[Resources]
) -> None:
    empty = capacity_of([Node(name=f"n{at}", resources=size) for at, size in enumerate(sizes)], {})

    placed = place(each, replicas, empty)

    def most(size: Resources) -> int:
        kinds = [(size.cpu_millis, each.cpu_millis), (size.memory_bytes, each.memory_bytes), (size.gpus, each.gpus)]
        return min(there // wanted for there, wanted in kinds if wanted)

    assert isinstance(placed, Message) == (sum(map(most, sizes)) < replicas) == never_fits(each, replicas, empty)
    if isinstance(placed, Message):
        assert placed.params["short"]
    else:
        assert placed.left.reserved == each.times(replicas)
        assert placed.left.elsewhere == NOTHING
        for after in placed.left.nodes:
            assert fits(after.reserved, 1, capacity_of([Node(name=after.name, resources=after.total)], {}))
