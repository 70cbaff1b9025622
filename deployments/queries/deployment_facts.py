"""The data of the API: scale and resources of many deployments in two queries, and the failure details of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

from deployments.lifecycle import ReplicaPhase
from deployments.messages import Message, values_from_json
from deployments.models import Attempt, Deployment, DeploymentEvent, Generation, Replica

MAX_ATTEMPTS, MAX_EVENTS = 20, 20


@dataclass(frozen=True, kw_only=True)
class DeploymentFacts:
    """The scale of the serving generation, else of the newest, and the resources of all replicas.

    Args:
        min_replicas, max_replicas, plan (name of the resource plan): empty before the first reconcile.
        cpu_millis, memory_bytes, gpus: the resources that are reserved now.
    """

    min_replicas: int = 0
    max_replicas: int = 0
    running: int = 0
    plan: str = ""
    cpu_millis: int = 0
    memory_bytes: int = 0
    gpus: int = 0


def facts_of(deployments: Sequence[Deployment]) -> Mapping[str, DeploymentFacts]:
    """Return deployment id -> facts."""
    ids = [deployment.pk for deployment in deployments]
    scales, reserved = _scales(ids), _reserved(ids)
    return {pk: DeploymentFacts(**scales.get(pk, {}), **reserved.get(pk, {})) for pk in ids}


def _scales(ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return deployment id -> what its server spec asks for."""
    rows = (
        Generation.objects.filter(
            deployment__in=ids, number=Coalesce(F("deployment__serving_generation"), F("deployment__generation"))
        )
        .annotate(
            least=KT("server_spec__min_replicas"),
            most=KT("server_spec__max_replicas"),
            plan=KT("server_spec__resource_plan"),
        )
        .values_list("deployment_id", "least", "most", "plan")
    )
    return {
        pk: {"min_replicas": int(least or 0), "max_replicas": int(most or 0), "plan": plan or ""}
        for pk, least, most, plan in rows
    }


def _reserved(ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return deployment id -> how many replicas run, and what all of them have reserved."""
    rows = (
        Replica.objects.filter(is_reserved=True, generation__deployment__in=ids)
        .order_by()
        .values_list("generation__deployment")
        .annotate(
            running=Count("pk", filter=Q(phase=ReplicaPhase.HEALTHY)),
            cpu=Sum("cpu_millis"),
            memory=Sum("memory_bytes"),
            gpu=Sum("gpus"),
        )
    )
    return {
        pk: {"running": running, "cpu_millis": cpu, "memory_bytes": memory, "gpus": gpus}
        for pk, running, cpu, memory, gpus in rows
    }


def failure_details_of(deployment: Deployment) -> dict[str, list[Mapping[str, Any]]]:
    """Return the reserved replicas, the last attempts and the last events, as rows of values.

    A row has a `message`, None when there is nothing to report.
    """
    replicas = Replica.objects.filter(is_reserved=True, generation__deployment=deployment)
    replicas = replicas.order_by("-generation__number", "number")
    attempts = Attempt.objects.filter(replica__generation__deployment=deployment).order_by("-started_at", "-pk")
    events = DeploymentEvent.objects.filter(deployment=deployment)
    ends = ("started_at", "ended_at", "exit_code", "exit_signal", "reason", "params", "first_error")
    return {
        "replicas": [*replicas.values("name", "phase", "restarts", "healthy_since", message=F("detail"))],
        "attempts": _with_message(attempts.values("replica__name", "number", *ends)[:MAX_ATTEMPTS]),
        "events": _with_message(events.values("at", "severity", "status", "reason", "params")[:MAX_EVENTS]),
    }


def _with_message(rows: Iterable[Any]) -> list[Mapping[str, Any]]:
    """Return rows with one `message` instead of the columns `reason` and `params`."""
    result: list[Mapping[str, Any]] = []
    for row in map(dict, rows):
        reason, params = row.pop("reason"), row.pop("params")
        result.append(row | {"message": Message(reason, values_from_json(params)) if reason else None})
    return result
