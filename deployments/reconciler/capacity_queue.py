"""The deployments that wait for capacity on a connection: one look at all of them instead of a pass of each.

A waiting deployment makes a pass only once a minute. It is woken as soon as what it waits for is there: after every
release, and by each sweep, which also sees what else changes capacity (a larger connection, an older one that gave
up).
The look is arithmetic over one query; it writes only the numbers that have changed.
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
from deployments.scheduling.placement import OVERTAKING, Capacity, fits_never, missing, room


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A generation that is not placed yet, with why, as it was last written."""

    generation_id: int
    deployment_id: str
    configuration: str
    began_at: datetime
    cause: Message
    needs: Resources
    updates: bool


def wake_waiting(connection: Connection) -> Sequence[str]:
    """Make the deployments due that fit now, the longest waiting first, and correct what the others say they miss.

    Returns:
        The ids of the deployments that fit.

    Raises:
        RuntimeUnavailable: the capacity of the connection is not known.
    """
    waiting = _waiting(connection)
    if not waiting:
        return []
    fitting, others = _review(waiting, room(connection), timezone.now())
    for one, cause in others:
        if cause != one.cause:
            _correct(one, cause)
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
            needs=plans[plan].times(replicas),
            updates=serving is not None,
        )
        for pk, deployment_id, name, began_at, cause, serving, plan, replicas in rows
        if plan in plans
    ]


def _review(
    waiting: Sequence[Waiting], there: Capacity, now: datetime
) -> tuple[Sequence[str], Sequence[tuple[Waiting, Message]]]:
    """Return who fits, as if each of them were placed in turn, and why the others do not."""
    fitting: list[str] = []
    others: list[tuple[Waiting, Message]] = []
    first_in_line = ""  # has waited so long that nobody younger may pass by
    for one in waiting:
        if short := missing(one.needs, there):
            others.append((one, short))
            if not first_in_line and now - one.began_at > OVERTAKING and not fits_never(one.needs, there.total):
                first_in_line = one.deployment_id
        elif first_in_line:
            others.append((one, reasons.WAITING_FOR_ITS_TURN(deployment=first_in_line)))
        else:
            fitting.append(one.deployment_id)
            there = there.less(one.needs)
    return fitting, others


def _correct(one: Waiting, cause: Message) -> None:
    """Write why a generation waits, unless a pass has placed it or has written something else meanwhile."""
    with transaction.atomic():
        rows = Generation.objects.filter(pk=one.generation_id, waiting=one.cause, replicas=None)
        if not rows.update(waiting=cause):
            return
        before, after = (
            reasons.UPDATING(configuration=one.configuration, doing=message) if one.updates else message
            for message in (one.cause, cause)
        )
        shown = Deployment.objects.filter(pk=one.deployment_id, **columns_of(before))
        shown.update(**columns_of(after), status_severity="warning")
