"""What programs are told: scale and resources of many deployments in two queries, and the whole story of one."""

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

ATTEMPTS_TOLD, EVENTS_TOLD = 20, 20
_NOTHING = (0, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class DeploymentFacts:
    """The replicas of the generation that serves, else of the newest, and what all replicas hold.

    Args:
        least, most: replicas; plan: name of the resource plan; all empty before the first pass.
        cpu_millis, memory_bytes, gpus: what is held now.
    """

    least: int = 0
    most: int = 0
    running: int = 0
    plan: str = ""
    cpu_millis: int = 0
    memory_bytes: int = 0
    gpus: int = 0


def facts_of(deployments: Sequence[Deployment]) -> Mapping[str, DeploymentFacts]:
    """Return deployment id -> facts."""
    ids = [deployment.pk for deployment in deployments]
    server_specs = {
        pk: (int(least or 0), int(most or 0), plan or "")
        for pk, least, most, plan in Generation.objects.filter(
            deployment__in=ids, number=Coalesce(F("deployment__serving_generation"), F("deployment__generation"))
        )
        .annotate(
            least=KT("server_spec__min_replicas"),
            most=KT("server_spec__max_replicas"),
            plan=KT("server_spec__resource_plan"),
        )
        .values_list("deployment_id", "least", "most", "plan")
    }
    held = {
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
        least, most, plan = server_specs.get(pk, (0, 0, ""))
        running, cpu, memory, gpus = held.get(pk, _NOTHING)
        facts[pk] = DeploymentFacts(
            least=least, most=most, running=running, plan=plan, cpu_millis=cpu, memory_bytes=memory, gpus=gpus
        )
    return facts


def failure_story_of(deployment: Deployment) -> dict[str, list[Mapping[str, Any]]]:
    """Return the replicas that are held, the last attempts and the last events, as rows of values.

    What a row says is its `message`, None for nothing.
    """
    replicas = Replica.objects.filter(is_reserved=True, generation__deployment=deployment)
    replicas = replicas.order_by("-generation__number", "number")
    attempts = Attempt.objects.filter(replica__generation__deployment=deployment).order_by("-started_at", "-pk")
    events = DeploymentEvent.objects.filter(deployment=deployment)
    ends = ("started_at", "ended_at", "exit_code", "exit_signal", "reason", "params", "first_error")
    return {
        "replicas": [*replicas.values("name", "phase", "restarts", "healthy_since", message=F("detail"))],
        "attempts": _with_message(attempts.values("replica__name", "number", *ends)[:ATTEMPTS_TOLD]),
        "events": _with_message(events.values("at", "severity", "status", "reason", "params")[:EVENTS_TOLD]),
    }


def _with_message(rows: Iterable[Any]) -> list[Mapping[str, Any]]:
    """Return rows with one message instead of its two columns."""
    told: list[Mapping[str, Any]] = []
    for row in map(dict, rows):
        reason, params = row.pop("reason"), row.pop("params")
        told.append(row | {"message": Message(reason, values_from_json(params)) if reason else None})
    return told
