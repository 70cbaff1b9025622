"""The versions that pages poll for: database expressions that change exactly when the page would look different.

They are added to the one query of a poll (beside that of its session), so they have to be cheap: an index scan for a
list, a few look-ups by key for one deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    IntegerField,
    JSONField,
    Max,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Concat

from deployments.lifecycle import ReplicaPhase
from deployments.models import Attempt, Deployment, DeploymentEvent, Generation, Replica


def list_version(group_id: str) -> Mapping[str, Combinable]:
    """Return a version that changes with every visible change of the group's list of deployments."""
    rows = Deployment.objects.filter(resource_group_id=group_id)
    return {"rows": Coalesce(Subquery(_aggregate(rows, Sum("revision"))), 0)}


def details_version(deployment_id: str) -> Mapping[str, Combinable]:
    """Return a version that changes with every visible change of one deployment's pages."""
    row = Deployment.objects.filter(pk=deployment_id)
    newest = Generation.objects.filter(deployment=deployment_id).order_by("-number")
    replicas = Replica.objects.filter(generation__deployment=deployment_id)
    events = DeploymentEvent.objects.filter(deployment=deployment_id)
    attempts = Attempt.objects.filter(replica__generation__deployment=deployment_id)
    present = [
        Count("pk", filter=Q(phase=ReplicaPhase.HEALTHY)),
        Count("pk", filter=Q(phase=ReplicaPhase.EXITED)),
        Count("pk", filter=Q(is_reserved=True)),
    ]
    return {
        "seen_revision": Subquery(row.values("revision")),
        "seen_verification": Subquery(row.values("verified_at")),
        "seen_steps": Subquery(newest.values("steps")[:1], output_field=JSONField()),
        "seen_answer": _as_text(newest.filter(outcome="RUNNING"), "readiness_answer"),
        "seen_waiting": _as_text(newest, "waiting"),
        "seen_replicas": Subquery(_aggregate(replicas, _concatenated(Sum("attempt"), Sum("restarts"), *present))),
        "seen_attempts": Subquery(_aggregate(attempts, _concatenated(Count("pk"), Count("ended_at")))),
        "seen_capacity": _capacity_while_waiting(deployment_id),
        "seen_event": Subquery(_aggregate(events, Max("pk")), output_field=IntegerField()),
    }


def _as_text(rows: QuerySet[Any], column: str) -> Combinable:
    """Return a message of the first row in its stored form, None when there is none."""
    return Subquery(rows.annotate(text=Cast(column, TextField())).values("text")[:1])


def _capacity_while_waiting(deployment_id: str) -> Combinable:
    """Return a version of the reserved resources while the deployment waits for them, as its page then lists them."""
    waiting = Generation.objects.filter(deployment=deployment_id, outcome="", waiting__isnull=False)
    connection = Deployment.objects.filter(pk=deployment_id).values("resource_group__connection")
    reserved = Replica.objects.filter(
        is_reserved=True, generation__deployment__resource_group__connection__in=connection
    )
    amount = Coalesce(Subquery(_aggregate(reserved, Sum(F("memory_bytes") + F("cpu_millis")))), 0)
    return Case(When(Exists(waiting), then=amount), default=Value(0))


def _concatenated(*figures: Combinable) -> Combinable:
    """Return several numbers as one text."""
    texts: list[Combinable] = []
    for figure in figures:
        texts += [Value("/"), Cast(figure, CharField())]
    return Concat(*texts, output_field=CharField())


def _aggregate(rows: QuerySet[Any], figure: Combinable) -> QuerySet[Any, Any]:
    """Return a query of one row with one aggregate, usable as a subquery."""
    query: QuerySet[Any, Any] = rows.order_by().annotate(one=Value(1)).values("one").annotate(figure=figure)
    return query.values("figure")
