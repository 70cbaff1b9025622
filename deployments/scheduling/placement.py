"""Reserves resources for the replicas of a generation, or reports the shortfall in numbers.

The reserved resources are the sum over `Replica.is_reserved`; they are read and increased under a lock on the
connection's row, so that two workers cannot both reserve the last free gigabyte.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Sum
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
from deployments.scheduling.server_specs import from_dict

OVERTAKING_LIMIT = timedelta(minutes=5)  # how long smaller deployments may overtake one that does not fit yet


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """The total resources of a connection, and the reserved ones."""

    total: Resources
    reserved: Resources

    @property
    def free(self) -> Resources:
        return Resources(
            cpu_millis=max(0, self.total.cpu_millis - self.reserved.cpu_millis),
            memory_bytes=max(0, self.total.memory_bytes - self.reserved.memory_bytes),
            gpus=max(0, self.total.gpus - self.reserved.gpus),
        )

    def with_reserved(self, more: Resources) -> Capacity:
        """Return the capacity with `more` reserved, too."""
        return Capacity(total=self.total, reserved=self.reserved.plus(more))


def load_capacity(connection: Connection) -> Capacity:
    """Return the capacity of a connection as the last sweep recorded it.

    Raises:
        RuntimeUnavailable: it has never responded, so its capacity is not known.
    """
    status = ConnectionStatus.objects.filter(pk=connection.pk).first()
    total = status.capacity if status else None
    if total is None:
        raise RuntimeUnavailable(reasons.CAPACITY_UNKNOWN(connection=connection.name))
    reserved = Replica.objects.filter(
        is_reserved=True, generation__deployment__resource_group__connection=connection
    ).aggregate(cpu=Sum("cpu_millis", default=0), memory=Sum("memory_bytes", default=0), gpus=Sum("gpus", default=0))
    return Capacity(
        total=total,
        reserved=Resources(cpu_millis=reserved["cpu"], memory_bytes=reserved["memory"], gpus=reserved["gpus"]),
    )


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
    needs = plan.resources.times(server_spec.min_replicas)
    with transaction.atomic():
        Connection.objects.select_for_update().get(pk=connection.pk)
        waiting = None
        if not schedules_itself(connection):
            waiting = shortfall_of(needs, load_capacity(connection)) or _older_first(generation, connection)
        if waiting:
            changed = bool(waiting != generation.waiting)
            if changed:
                Generation.objects.filter(pk=generation.pk).update(waiting=waiting)
            return changed
        Replica.objects.bulk_create(
            Replica(
                generation=generation,
                number=number,
                name=f"{generation.deployment_id}-{generation.number}-{number}",
                cpu_millis=plan.cpu_millis,
                memory_bytes=plan.memory_bytes,
                gpus=plan.gpus,
            )
            for number in range(server_spec.min_replicas)
        )
        Generation.objects.filter(pk=generation.pk).update(waiting=None)
    return True


def schedules_itself(connection: Connection) -> bool:
    """Return whether the runtime does its own scheduling, so that our arithmetic does not apply.

    Raises:
        RuntimeUnavailable: this version of Launchpad does not have its driver.
    """
    return connection.driver.capabilities.schedules_itself


def shortfall_of(needs: Resources, capacity: Capacity) -> Message | None:
    """Return the shortfall in numbers, None when there is none."""
    free, total = capacity.free, capacity.total
    amounts = (
        (reasons.MEMORY_SHORT, "_bytes", needs.memory_bytes, free.memory_bytes, total.memory_bytes),
        (reasons.CPU_SHORT, "_millis", needs.cpu_millis, free.cpu_millis, total.cpu_millis),
        (reasons.GPU_SHORT, "", needs.gpus, free.gpus, total.gpus),
    )
    short = [
        reason(**{f"need{unit}": need, f"free{unit}": left, f"total{unit}": in_all if need > in_all else None})
        for reason, unit, need, left, in_all in amounts
        if need > left
    ]
    if not short:
        return None
    return (reasons.NEVER_FITS if fits_never(needs, total) else reasons.WAITING_FOR_CAPACITY)(short=short)


def fits_never(needs: Resources, total: Resources) -> bool:
    """Return whether the request exceeds the total, so that waiting would not help."""
    return needs.cpu_millis > total.cpu_millis or needs.memory_bytes > total.memory_bytes or needs.gpus > total.gpus


def shortfalls(needs: Resources, total: Resources) -> tuple[list[Message], list[Message]]:
    """Return the amounts that exceed the total: the requested ones, and the totals."""
    amounts = (
        (reasons.MEMORY_AMOUNT, "amount_bytes", needs.memory_bytes, total.memory_bytes),
        (reasons.CPU_AMOUNT, "amount_millis", needs.cpu_millis, total.cpu_millis),
        (reasons.GPU_AMOUNT, "amount", needs.gpus, total.gpus),
    )
    short = [
        (reason(**{name: need}), reason(**{name: there})) for reason, name, need, there in amounts if need > there
    ]
    return [need for need, _ in short], [there for _, there in short]


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
