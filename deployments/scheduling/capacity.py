"""The capacity of a connection, by node: on which nodes replicas fit, and what is missing, in numbers.

Pure arithmetic. All replicas of a deployment request the same, so placing one after the other finds nodes for as
many as there can be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from deployments import reasons
from deployments.messages import Message, Reason
from deployments.runtimes.base import Node, Resources

NOTHING = Resources(cpu_millis=0, memory_bytes=0)
NO_NODE = ""  # of a replica that was placed before nodes had names, or by the runtime itself


@dataclass(frozen=True, kw_only=True)
class NodeCapacity:
    """The total resources of a node, and the reserved ones."""

    name: str
    total: Resources
    reserved: Resources = NOTHING

    @property
    def free(self) -> Resources:
        return Resources(
            cpu_millis=max(0, self.total.cpu_millis - self.reserved.cpu_millis),
            memory_bytes=max(0, self.total.memory_bytes - self.reserved.memory_bytes),
            gpus=max(0, self.total.gpus - self.reserved.gpus),
        )

    def with_reserved(self, more: Resources) -> NodeCapacity:
        """Return the node with `more` reserved, too."""
        return replace(self, reserved=self.reserved.plus(more))


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """The nodes of a connection with what is reserved on them.

    Args:
        elsewhere: what is reserved on nodes that have disappeared. It is part of `reserved`, but takes nothing from
            the nodes that there are.
    """

    nodes: tuple[NodeCapacity, ...]
    elsewhere: Resources = NOTHING

    @property
    def total(self) -> Resources:
        return _sum(node.total for node in self.nodes)

    @property
    def reserved(self) -> Resources:
        return _sum((*(node.reserved for node in self.nodes), self.elsewhere))

    @property
    def free(self) -> Resources:
        return _sum(node.free for node in self.nodes)

    def emptied(self) -> Capacity:
        """Return the capacity with nothing reserved."""
        return Capacity(nodes=tuple(replace(node, reserved=NOTHING) for node in self.nodes))

    def with_reserved(self, reserved: Mapping[str, Resources]) -> Capacity:
        """Return the capacity with more reserved, by the names of nodes.

        Replicas without a node are on the only one if there is one only, else elsewhere.
        """
        by_name = dict(reserved)
        if len(self.nodes) == 1 and NO_NODE in by_name:
            name = self.nodes[0].name
            by_name[name] = by_name.pop(NO_NODE).plus(by_name.get(name, NOTHING))
        nodes = tuple(node.with_reserved(by_name.pop(node.name, NOTHING)) for node in self.nodes)
        return Capacity(nodes=nodes, elsewhere=_sum((self.elsewhere, *by_name.values())))


def capacity_of(nodes: Iterable[Node], reserved: Mapping[str, Resources]) -> Capacity:
    """Return the capacity of nodes with what is reserved by their names."""
    empty = tuple(NodeCapacity(name=node.name, total=node.resources) for node in nodes)
    return Capacity(nodes=empty).with_reserved(reserved)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A node for each replica, and the capacity that is left then."""

    nodes: Sequence[str]
    left: Capacity


def place(each: Resources, replicas: int, capacity: Capacity) -> Placement | Message:
    """Choose a node for each of a number of replicas (best fit), or return what is missing in numbers.

    It is the node with the least left of those that the replica fits on: by GPUs, so that they stay free for those
    that need some, then by memory and CPU. Of equals it is the first by name, so the same question has one answer.
    """
    placed = _best_fit(each, replicas, capacity)
    if len(placed.nodes) == replicas:
        return placed
    reason = reasons.NEVER_FITS if never_fits(each, replicas, capacity) else reasons.WAITING_FOR_CAPACITY
    return reason(short=missing(each, replicas, capacity))


def shortfall_of(each: Resources, replicas: int, capacity: Capacity) -> Message | None:
    """Return the shortfall in numbers, None when there is none."""
    placed = place(each, replicas, capacity)
    return placed if isinstance(placed, Message) else None


def never_fits(each: Resources, replicas: int, capacity: Capacity) -> bool:
    """Return whether the request exceeds the nodes even when nothing is reserved, so that waiting would not help.

    Of a connection that has no node at present nobody can tell.
    """
    return bool(capacity.nodes) and not fits(each, replicas, capacity.emptied())


def fits(each: Resources, replicas: int, capacity: Capacity) -> bool:
    """Return whether there is a node for each of a number of replicas."""
    return len(_best_fit(each, replicas, capacity).nodes) == replicas


def _best_fit(each: Resources, replicas: int, capacity: Capacity) -> Placement:
    """Place as many of the replicas as have a node."""
    names: list[str] = []
    while len(names) < replicas and (fitting := [node for node in capacity.nodes if _fits(each, node.free)]):
        name = min(fitting, key=_left).name
        names.append(name)
        capacity = capacity.with_reserved({name: each})
    return Placement(nodes=names, left=capacity)


def _left(node: NodeCapacity) -> tuple[int, int, int, str]:
    return node.free.gpus, node.free.memory_bytes, node.free.cpu_millis, node.name


def missing(each: Resources, replicas: int, capacity: Capacity) -> list[Message]:
    """Return what is missing of a request that does not fit: on the only node, or on the largest ones of several."""
    if len(capacity.nodes) == 1:
        return _short(_SHORT, each.times(replicas), capacity.free, capacity.total)
    free, total = _largest(node.free for node in capacity.nodes), _largest(node.total for node in capacity.nodes)
    if short := _short(_SHORT_ON_NODES, each, free, total):
        return short
    request = {"cpu_millis": each.cpu_millis, "memory_bytes": each.memory_bytes, "gpus": each.gpus or None}
    if not (fitting := len(_best_fit(each, replicas, capacity).nodes)):
        return [reasons.NO_NODE_HAS_ALL(**request)]
    return [reasons.REPLICAS_SHORT(replicas=replicas, fitting=fitting, **request)]


_Reasons = tuple[Reason, Reason, Reason]
_SHORT: _Reasons = (reasons.MEMORY_SHORT, reasons.CPU_SHORT, reasons.GPU_SHORT)
_SHORT_ON_NODES: _Reasons = (reasons.MEMORY_SHORT_ON_NODES, reasons.CPU_SHORT_ON_NODES, reasons.GPU_SHORT_ON_NODES)


def _short(of: _Reasons, needs: Resources, free: Resources, total: Resources) -> list[Message]:
    memory, cpu, gpu = of
    amounts = (
        (memory, "_bytes", needs.memory_bytes, free.memory_bytes, total.memory_bytes),
        (cpu, "_millis", needs.cpu_millis, free.cpu_millis, total.cpu_millis),
        (gpu, "", needs.gpus, free.gpus, total.gpus),
    )
    return [
        reason(**{f"need{unit}": need, f"free{unit}": left, f"total{unit}": in_all if need > in_all else None})
        for reason, unit, need, left, in_all in amounts
        if need > left
    ]


def _fits(each: Resources, free: Resources) -> bool:
    """Return whether a replica fits into what is free."""
    return each.cpu_millis <= free.cpu_millis and each.memory_bytes <= free.memory_bytes and each.gpus <= free.gpus


def _sum(amounts: Iterable[Resources]) -> Resources:
    return reduce(Resources.plus, amounts, NOTHING)


def _largest(amounts: Iterable[Resources]) -> Resources:
    """Return the most of each kind that one of them has."""
    return reduce(
        lambda one, other: Resources(
            cpu_millis=max(one.cpu_millis, other.cpu_millis),
            memory_bytes=max(one.memory_bytes, other.memory_bytes),
            gpus=max(one.gpus, other.gpus),
        ),
        amounts,
        NOTHING,
    )
