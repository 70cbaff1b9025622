"""The deployments that wait for capacity on a connection: checked together instead of reconciling each.

A waiting deployment is reconciled only once a minute. It is woken as soon as its capacity is available: after every
release, and by each sweep, which also sees what else changes capacity (a larger connection, an older one that gave
up). The check is arithmetic over one query; it writes only the numbers that have changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from deployments import reasons
from deployments.lifecycle import TargetStatus
from deployments.messages import Message
from deployments.models import Connection, Deployment, Generation, ResourcePlan, columns_of
from deployments.runtimes.base import Resources
from deployments.scheduling.capacity import Capacity, never_fits, place
from deployments.scheduling.placement import OVERTAKING_LIMIT, load_capacity


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A generation that is not scheduled yet, what each of its replicas needs, and its stored cause."""

    generation_id: int
    deployment_id: str
    configuration: str
    began_at: datetime
    cause: Message
    each: Resources
    replicas: int
    updates: bool


def wake_waiting(connection: Connection) -> Sequence[str]:
    """Make deployments due that can be scheduled now, the longest waiting first, and update the causes of the others.

    Returns:
        The ids of the deployments that fit.

    Raises:
        RuntimeUnavailable: the capacity of the connection is not known.
    """
    waiting = _waiting(connection)
    if not waiting:
        return []
    fitting, others = _review(waiting, load_capacity(connection), timezone.now())
    for entry, cause in others:
        if cause != entry.cause:
            _correct(entry, cause)
    if fitting:
        due = Deployment.objects.filter(pk__in=fitting, next_reconcile_at__gt=timezone.now())
        due.update(next_reconcile_at=timezone.now())
    return fitting


def _waiting(connection: Connection) -> Sequence[Waiting]:
    rows = (
        Generation.objects.filter(
            deployment__resource_group__connection=connection,
            deployment__target_status=TargetStatus.RUNNING,
            number=F("deployment__generation"),
            outcome="",
            reason="",
            replicas=None,
            waiting__isnull=False,
        )
        .order_by("began_at", "pk")
        .values_list(
            *("pk", "deployment_id", "configuration__name", "began_at", "waiting", "deployment__serving_generation"),
            *("server_spec__resource_plan", "server_spec__min_replicas"),
        )
    )
    plans = {plan.pk: plan.resources for plan in ResourcePlan.objects.all()} if rows else {}
    return [
        Waiting(
            generation_id=pk,
            deployment_id=deployment_id,
            configuration=name,
            began_at=began_at,
            cause=cause,
            each=plans[plan],
            replicas=replicas,
            updates=serving is not None,
        )
        for pk, deployment_id, name, began_at, cause, serving, plan, replicas in rows
        if plan in plans
    ]


def _review(
    waiting: Sequence[Waiting], capacity: Capacity, now: datetime
) -> tuple[Sequence[str], Sequence[tuple[Waiting, Message]]]:
    """Return which of them can be scheduled, one after the other, and why the others cannot."""
    fitting: list[str] = []
    others: list[tuple[Waiting, Message]] = []
    first_in_line = ""  # has waited so long that no later one may overtake it
    for entry in waiting:
        placed = place(entry.each, entry.replicas, capacity)
        if isinstance(placed, Message):
            others.append((entry, placed))
            has_waited = now - entry.began_at > OVERTAKING_LIMIT
            if has_waited and not first_in_line and not never_fits(entry.each, entry.replicas, capacity):
                first_in_line = entry.deployment_id
        elif first_in_line:
            others.append((entry, reasons.WAITING_FOR_ITS_TURN(deployment=first_in_line)))
        else:
            fitting.append(entry.deployment_id)
            capacity = placed.left
    return fitting, others


def _correct(entry: Waiting, cause: Message) -> None:
    """Update the cause of a waiting generation, unless a reconcile has scheduled it or changed the cause meanwhile."""
    with transaction.atomic():
        rows = Generation.objects.filter(pk=entry.generation_id, waiting=entry.cause, replicas=None)
        if not rows.update(waiting=cause):
            return
        before, after = (
            reasons.UPDATING(configuration=entry.configuration, doing=message) if entry.updates else message
            for message in (entry.cause, cause)
        )
        deployments = Deployment.objects.filter(pk=entry.deployment_id, **columns_of(before))
        deployments.update(**columns_of(after), status_severity="warning")
