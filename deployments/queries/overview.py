"""The overview of a workspace: counts, deployments that need attention, the newest ones, and used capacity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from deployments.lifecycle import Status, TargetStatus
from deployments.messages import Message
from deployments.models import Connection, ConnectionStatus, Deployment, Generation, Replica

LONG_WAIT = timedelta(minutes=5)
ENDS_SOON = timedelta(hours=1)
ATTENTION_SHOWN = 8
NEWEST_SHOWN = 6
_SHOWN = (
    "id",
    "status",
    "reason",
    "params",
    "status_changed_at",
    "target_status",
    "created_at",
    "expires_at",
    "unreachable_since",
    "configuration__name",
)


@dataclass(frozen=True, kw_only=True)
class Attention:
    """A deployment that needs attention.

    Args:
        cause: "dead", "unseen" (its runtime is unreachable), "waiting" (PENDING for long) or "ending".
        since: when that began; for "ending" the time of its end.
        waiting: what it waits for, None when not known.
    """

    deployment: Deployment
    cause: str
    since: datetime
    waiting: Message | None = None


@dataclass(frozen=True, kw_only=True)
class PlanUse:
    """The reserved resources of all replicas with one resource plan."""

    plan: str
    deployments: int
    replicas: int
    cpu_millis: int
    memory_bytes: int
    gpus: int

    @property
    def cores(self) -> float:
        return self.cpu_millis / 1000


def counts_by_status(group_ids: Iterable[str]) -> Mapping[str, Mapping[str, int]]:
    """Return group id -> status -> number of deployments, in one query."""
    ids = list(group_ids)
    counts = {pk: {status.value: 0 for status in Status} for pk in ids}
    rows = Deployment.objects.filter(resource_group__in=ids).order_by()
    for group_id, status, number in rows.values_list("resource_group", "status").annotate(Count("pk")):
        counts[group_id][status] = number
    return counts


def needing_attention(group_id: str, *, now: datetime) -> tuple[Sequence[Attention], int]:
    """Return the deployments that need attention most urgently, and the number of all, in two queries."""
    dead = Q(status=Status.DEAD, target_status=TargetStatus.RUNNING)
    unseen = Q(unreachable_since__isnull=False)
    waiting = Q(status__in=[Status.UNKNOWN, Status.PENDING], status_changed_at__lt=now - LONG_WAIT)
    ending = Q(expires_at__lt=now + ENDS_SOON, target_status=TargetStatus.RUNNING)
    cause = Case(
        When(dead, then=Value("dead")),
        When(unseen, then=Value("unseen")),
        When(waiting, then=Value("waiting")),
        default=Value("ending"),
    )
    urgency = Case(
        When(dead, then=Value(0)), When(unseen, then=Value(1)), When(waiting, then=Value(2)), default=Value(3)
    )
    matching = Deployment.objects.filter(dead | unseen | waiting | ending, resource_group=group_id)
    newest = Generation.objects.filter(deployment=OuterRef("pk")).order_by("-number").values("waiting")[:1]
    rows = matching.select_related("configuration").only(*_SHOWN)
    rows = rows.annotate(cause=cause, waiting_for=Subquery(newest)).order_by(urgency, "-status_changed_at", "pk")
    shown = [_attention(row) for row in rows[:ATTENTION_SHOWN]]
    return shown, len(shown) if len(shown) < ATTENTION_SHOWN else matching.count()


def newest_deployments(group_id: str) -> QuerySet[Deployment]:
    """Return the deployments that were created last."""
    rows = Deployment.objects.filter(resource_group=group_id).select_related("configuration").only(*_SHOWN)
    return rows[:NEWEST_SHOWN]


def plans_in_use(connection: Connection) -> Sequence[PlanUse]:
    """Return the reserved resources of each resource plan, the one with most memory first, in one query."""
    reserved = Replica.objects.filter(is_reserved=True, generation__deployment__resource_group__connection=connection)
    rows = (
        reserved.order_by()
        .annotate(plan=KeyTextTransform("resource_plan", "generation__server_spec"))
        .values("plan")
        .annotate(
            deployments=Count("generation__deployment", distinct=True),
            replicas=Count("pk"),
            cpu=Sum("cpu_millis"),
            memory=Sum("memory_bytes"),
            gpu=Sum("gpus"),
        )
        .order_by("-memory", "plan")
    )
    return [
        PlanUse(
            plan=row["plan"] or "",
            deployments=row["deployments"],
            replicas=row["replicas"],
            cpu_millis=row["cpu"],
            memory_bytes=row["memory"],
            gpus=row["gpu"],
        )
        for row in rows
    ]


def overview_version(connection_id: int) -> Mapping[str, Combinable]:
    """Return a version that changes with the deployments of a connection, its reserved resources and its health."""
    deployments = Deployment.objects.filter(resource_group__connection=connection_id)
    reserved = Replica.objects.filter(
        is_reserved=True, generation__deployment__resource_group__connection=connection_id
    )
    return {
        "seen_rows": Coalesce(Subquery(_aggregate(deployments, Sum("revision"))), 0),
        "seen_health": Subquery(ConnectionStatus.objects.filter(pk=connection_id).values("unreachable_since")),
        "seen_reserved": Coalesce(Subquery(_aggregate(reserved, Sum(F("memory_bytes") + F("cpu_millis")))), 0),
    }


def _aggregate(rows: QuerySet[Any], figure: Combinable) -> QuerySet[Any, Any]:
    query: QuerySet[Any, Any] = rows.order_by().annotate(one=Value(1)).values("one").annotate(figure=figure)
    return query.values("figure")


def _attention(row: Deployment) -> Attention:
    cause: str = row.cause  # type: ignore[attr-defined]
    times = {"unseen": row.unreachable_since, "ending": row.expires_at}
    return Attention(
        deployment=row,
        cause=cause,
        since=times.get(cause) or row.status_changed_at,
        waiting=row.waiting_for,  # type: ignore[attr-defined]
    )
