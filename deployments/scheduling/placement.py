"""Reserves resources on nodes for the replicas of a generation, or reports the shortfall in numbers.

The reserved resources are the sums over `Replica.is_reserved` of each node; they are read and increased under a lock
on the connection's row, so that two workers cannot both reserve the last free gigabyte. Replicas stay on their node.
When it disappears, what they reserve of it stays reserved until they end: nobody else gets it if the node returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from deployments import reasons
from deployments.errors import RuntimeUnavailable
from deployments.messages import Message
from deployments.models import (
    Connection,
    ConnectionStatus,
    Deployment,
    Generation,
    Replica,
    ResourcePlan,
    columns_of,
)
from deployments.runtimes.base import Resources
from deployments.scheduling.capacity import NO_NODE, Capacity, capacity_of, place
from deployments.scheduling.server_specs import from_dict

OVERTAKING_LIMIT = timedelta(minutes=5)  # how long smaller deployments may overtake one that does not fit yet


def load_capacity(connection: Connection) -> Capacity:
    """Return the capacity of a connection as the last sweep recorded it.

    Raises:
        RuntimeUnavailable: it has never responded, so its capacity is not known.
    """
    status = ConnectionStatus.objects.filter(pk=connection.pk).first()
    if status is None or status.nodes is None:
        raise RuntimeUnavailable(reasons.CAPACITY_UNKNOWN(connection=connection.name))
    reserved = Replica.objects.filter(is_reserved=True, generation__deployment__resource_group__connection=connection)
    return capacity_of(status.nodes, reserved_by_node(reserved))


def reserved_by_node(replicas: QuerySet[Replica]) -> Mapping[str, Resources]:
    """Return what these replicas reserve, by the names of their nodes, in one query."""
    rows = (
        replicas.order_by()
        .values_list("node")
        .annotate(cpu=Sum("cpu_millis"), memory=Sum("memory_bytes"), gpu=Sum("gpus"))
    )
    return {node: Resources(cpu_millis=cpu, memory_bytes=memory, gpus=gpus) for node, cpu, memory, gpus in rows}


def schedule(generation: Generation, connection: Connection) -> bool:
    """Reserve resources for all replicas of a generation, or record what it is waiting for.

    If the runtime schedules itself, there is no waiting here: its replicas report a shortfall.

    Returns:
        Whether anything has changed: they are reserved, or the shortfall is another one.
    """
    server_spec = from_dict(generation.server_spec)
    plan = ResourcePlan.objects.filter(pk=server_spec.resource_plan).first()
    if plan is None:
        gone = reasons.RESOURCE_PLAN_MISSING(plan=server_spec.resource_plan)
        Generation.objects.filter(pk=generation.pk).update(**columns_of(gone))
        return True
    with transaction.atomic():
        Connection.objects.select_for_update().get(pk=connection.pk)
        nodes = _nodes_for(generation, connection, plan.resources, server_spec.min_replicas)
        if isinstance(nodes, Message):
            changed = bool(nodes != generation.waiting)
            if changed:
                Generation.objects.filter(pk=generation.pk).update(waiting=nodes)
            return changed
        _reserve(generation, plan, nodes)
    return True


def _nodes_for(
    generation: Generation, connection: Connection, each: Resources, replicas: int
) -> Sequence[str] | Message:
    """Return a node for each replica, or what they wait for."""
    if schedules_itself(connection):
        return [NO_NODE] * replicas
    placed = place(each, replicas, load_capacity(connection))
    if isinstance(placed, Message):
        return placed
    return _older_first(generation, connection) or placed.nodes


def _reserve(generation: Generation, plan: ResourcePlan, nodes: Sequence[str]) -> None:
    Replica.objects.bulk_create(
        Replica(
            generation=generation,
            number=number,
            name=f"{generation.deployment_id}-{generation.number}-{number}",
            node=node,
            cpu_millis=plan.cpu_millis,
            memory_bytes=plan.memory_bytes,
            gpus=plan.gpus,
        )
        for number, node in enumerate(nodes)
    )
    Generation.objects.filter(pk=generation.pk).update(waiting=None)


def schedules_itself(connection: Connection) -> bool:
    """Return whether the runtime does its own scheduling, so that our arithmetic does not apply.

    Raises:
        RuntimeUnavailable: this version of Launchpad does not have its driver.
    """
    return connection.driver.capabilities.schedules_itself


def _older_first(generation: Generation, connection: Connection) -> Message | None:
    """Return the message for waiting behind an older generation that could fit, so that it does not starve."""
    older = (
        Generation.objects.filter(
            deployment__resource_group__connection=connection,
            deployment__target_status="RUNNING",
            outcome="",
            began_at__lt=min(generation.began_at, timezone.now() - OVERTAKING_LIMIT),
            replicas=None,
            waiting__reason=reasons.WAITING_FOR_CAPACITY.code,
        )
        .exclude(pk=generation.pk)
        .order_by("began_at")
        .first()
    )
    if older is None or not Deployment.objects.filter(pk=older.deployment_id, generation=older.number).exists():
        return None
    return reasons.WAITING_FOR_ITS_TURN(deployment=older.deployment_id)
