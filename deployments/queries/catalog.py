"""Scenarios and deployment templates, and how a resource group uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Q, QuerySet

from deployments.models import Configuration, Deployment, Executable, Scenario


@dataclass(frozen=True, kw_only=True)
class Uses:
    """How often a scenario or executable is used in a resource group, and when last."""

    configurations: int = 0
    deployments: int = 0
    latest: datetime | None = None


def scenarios(*, text: str = "") -> QuerySet[Scenario]:
    """Return the scenarios with the number of their `templates`.

    Args:
        text: part of a name or an id, in any case.
    """
    rows = Scenario.objects.annotate(templates=Count("executables")).order_by("name", "id")
    return rows.filter(Q(name__icontains=text) | Q(id__icontains=text)) if text else rows


def find_scenario(pk: str) -> Scenario | None:
    """Return a scenario."""
    return Scenario.objects.filter(pk=pk).first()


def executables(*, scenario: str = "", text: str = "") -> QuerySet[Executable]:
    """Return the deployment templates, without their long text.

    Args:
        scenario: an id, `""` for all.
        text: part of a name or an id, in any case.
    """
    rows = Executable.objects.select_related("scenario").defer("text")
    if scenario:
        rows = rows.filter(scenario=scenario)
    return rows.filter(Q(name__icontains=text) | Q(id__icontains=text)) if text else rows


def find_executable(scenario: str, pk: str) -> Executable | None:
    """Return a deployment template of a scenario."""
    return Executable.objects.select_related("scenario").filter(scenario=scenario, pk=pk).first()


def uses_by_scenario(group_id: str) -> Mapping[str, Uses]:
    """Return scenario id -> how often a resource group uses it, in two queries; without unused ones."""
    return _uses(group_id, "scenario")


def uses_by_executable(group_id: str, scenario: str) -> Mapping[str, Uses]:
    """Return executable id -> how often a resource group uses it, in two queries; without unused ones."""
    return _uses(group_id, "executable", scenario=scenario)


def deployments_of(
    group_id: str, *, scenario: str = "", executable: str = "", configuration: str = ""
) -> QuerySet[Deployment]:
    """Return the deployments of a scenario, executable or configuration, newest first, with the columns of lists."""
    conditions = {
        "configuration__scenario": scenario,
        "configuration__executable": executable,
        "configuration": configuration,
    }
    rows = Deployment.objects.filter(resource_group=group_id, **{key: pk for key, pk in conditions.items() if pk})
    return rows.select_related("configuration__executable").only(
        "id",
        "status",
        "target_status",
        "created_at",
        "changed_at",
        "expires_at",
        "configuration__name",
        "configuration__executable__name",
    )


def _uses(group_id: str, column: str, **conditions: str) -> dict[str, Uses]:
    configurations = Configuration.objects.filter(resource_group=group_id, **conditions).order_by()
    configured = dict(configurations.values_list(column).annotate(Count("pk")))
    path = f"configuration__{column}"
    deployments = Deployment.objects.filter(
        resource_group=group_id, **{f"configuration__{key}": pk for key, pk in conditions.items()}
    ).order_by()
    deployed = {
        pk: (number, latest)
        for pk, number, latest in deployments.values_list(path).annotate(Count("pk"), Max("created_at"))
    }
    return {
        pk: Uses(
            configurations=configured.get(pk, 0),
            deployments=deployed.get(pk, (0, None))[0],
            latest=deployed.get(pk, (0, None))[1],
        )
        for pk in configured.keys() | deployed.keys()
    }
