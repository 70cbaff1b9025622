"""Scenarios and deployment templates with what a resource group has made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Q, QuerySet

from deployments.models import Configuration, Deployment, Executable, Scenario


@dataclass(frozen=True, kw_only=True)
class Uses:
    """How often something is used in a resource group, and when last."""

    configurations: int = 0
    deployments: int = 0
    latest: datetime | None = None


def scenarios(*, text: str = "") -> QuerySet[Scenario]:
    """Return the scenarios with the number of their `templates`.

    Args:
        text: part of a name or an id, in any case.
    """
    found = Scenario.objects.annotate(templates=Count("executables")).order_by("name", "id")
    return found.filter(Q(name__icontains=text) | Q(id__icontains=text)) if text else found


def find_scenario(pk: str) -> Scenario | None:
    """Return a scenario."""
    return Scenario.objects.filter(pk=pk).first()


def executables(*, scenario: str = "", text: str = "") -> QuerySet[Executable]:
    """Return the deployment templates, without their long text.

    Args:
        scenario: an id, `""` for all.
        text: part of a name or an id, in any case.
    """
    found = Executable.objects.select_related("scenario").defer("text")
    if scenario:
        found = found.filter(scenario=scenario)
    return found.filter(Q(name__icontains=text) | Q(id__icontains=text)) if text else found


def find_executable(scenario: str, pk: str) -> Executable | None:
    """Return a deployment template of a scenario."""
    return Executable.objects.select_related("scenario").filter(scenario=scenario, pk=pk).first()


def uses_by_scenario(group_id: str) -> Mapping[str, Uses]:
    """Return scenario id -> how often a resource group uses it, in two queries; what is not used is missing."""
    return _uses(group_id, "scenario")


def uses_by_executable(group_id: str, scenario: str) -> Mapping[str, Uses]:
    """Return executable id -> how often a resource group uses it, in two queries; what is not used is missing."""
    return _uses(group_id, "executable", scenario=scenario)


def deployments_of(
    group_id: str, *, scenario: str = "", executable: str = "", configuration: str = ""
) -> QuerySet[Deployment]:
    """Return the deployments made from something, newest first, with the names that lists show."""
    wanted = {
        "configuration__scenario": scenario,
        "configuration__executable": executable,
        "configuration": configuration,
    }
    found = Deployment.objects.filter(resource_group=group_id, **{key: pk for key, pk in wanted.items() if pk})
    return found.select_related("configuration__executable").only(
        "id",
        "status",
        "target_status",
        "created_at",
        "changed_at",
        "expires_at",
        "configuration__name",
        "configuration__executable__name",
    )


def _uses(group_id: str, noun: str, **wanted: str) -> dict[str, Uses]:
    made = Configuration.objects.filter(resource_group=group_id, **wanted).order_by()
    configured = dict(made.values_list(noun).annotate(Count("pk")))
    path = f"configuration__{noun}"
    running = Deployment.objects.filter(
        resource_group=group_id, **{f"configuration__{key}": pk for key, pk in wanted.items()}
    ).order_by()
    deployed = {
        pk: (number, latest)
        for pk, number, latest in running.values_list(path).annotate(Count("pk"), Max("created_at"))
    }
    return {
        pk: Uses(
            configurations=configured.get(pk, 0),
            deployments=deployed.get(pk, (0, None))[0],
            latest=deployed.get(pk, (0, None))[1],
        )
        for pk in configured.keys() | deployed.keys()
    }
