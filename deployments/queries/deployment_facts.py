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
_NOTHING = (0, 0, 0, 0)


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
    server_specs = {
        pk: (int(minimum or 0), int(maximum or 0), plan or "")
        for pk, minimum, maximum, plan in Generation.objects.filter(
            deployment__in=ids, number=Coalesce(F("deployment__serving_generation"), F("deployment__generation"))
        )
        .annotate(
            min_replicas=KT("server_spec__min_replicas"),
            max_replicas=KT("server_spec__max_replicas"),
            plan=KT("server_spec__resource_plan"),
        )
        .values_list("deployment_id", "min_replicas", "max_replicas", "plan")
    }
    reserved = {
        pk: (running, cpu, memory, gpus)
        for pk, running, cpu, memory, gpus in Replica.objects.filter(is_reserved=True, generation__deployment__in=ids)
        .order_by()
        .values_list("generation__deployment")
        .annotate(
            running=Count("pk", filter=Q(phase=ReplicaPhase.HEALTHY)),
            cpu=Sum("cpu_millis"),
            memory=Sum("memory_bytes"),
            gpu=Sum("gpus"),
        )
    }
    facts = {}
    for pk in ids:
        minimum, maximum, plan = server_specs.get(pk, (0, 0, ""))
        running, cpu, memory, gpus = reserved.get(pk, _NOTHING)
        facts[pk] = DeploymentFacts(
            min_replicas=minimum,
            max_replicas=maximum,
            running=running,
            plan=plan,
            cpu_millis=cpu,
            memory_bytes=memory,
            gpus=gpus,
        )
    return facts


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
