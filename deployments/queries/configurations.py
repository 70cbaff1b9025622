"""Lists and details of configurations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from deployments.models import Artifact, Configuration, Deployment
from deployments.queries.filters import Filter, executable_filter, filtered, scenario_filter


@dataclass(frozen=True, kw_only=True)
class Value:
    """One parameter of a configuration; `default` is None where the template has none."""

    name: str
    value: str
    type: str = "string"
    default: str | None = None
    description: str = ""

    @property
    def is_default(self) -> bool:
        return self.value == self.default


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input artifact of a configuration; `artifact` is None when it was deleted."""

    name: str
    artifact_id: str
    artifact: Artifact | None
    description: str = ""


FILTERS = (
    Filter(
        name="q",
        label=_("Search"),
        condition=lambda text: Q(name__icontains=text) | Q(id__icontains=text),
        hint=_("Name or ID"),
    ),
    scenario_filter("scenario"),
    executable_filter("executable"),
)


def configurations(group_id: str, **values: str) -> QuerySet[Configuration]:
    """Return the configurations of a resource group, newest first, with the number of their `deployment_count`.

    Args:
        values: of FILTERS.
    """
    rows = Configuration.objects.filter(resource_group=group_id).select_related("scenario", "executable")
    rows = filtered(rows.defer("executable__text", "scenario__description"), FILTERS, values)
    deployments = Deployment.objects.filter(configuration=OuterRef("pk")).order_by().values("configuration")
    return rows.annotate(
        deployment_count=Coalesce(Subquery(deployments.annotate(number=Count("pk")).values("number")), 0)
    )


def find_configuration(group_ids: Collection[str], pk: UUID) -> Configuration | None:
    """Return a configuration of these resource groups with its scenario, template and author."""
    rows = Configuration.objects.select_related("scenario", "executable", "created_by")
    return rows.filter(resource_group__in=group_ids, pk=pk).first()


def values_of(configuration: Configuration) -> Sequence[Value]:
    """Return the parameters in the order of the template; those that it no longer declares come last."""
    declared = {parameter.name: parameter for parameter in configuration.executable.template.parameters}
    order = [name for name in declared if name in configuration.parameters]
    order += [name for name in configuration.parameters if name not in declared]
    return [
        Value(
            name=name,
            value=configuration.parameters[name],
            type=declared[name].type if name in declared else "string",
            default=declared[name].default if name in declared else None,
            description=declared[name].description if name in declared else "",
        )
        for name in order
    ]


def inputs_of(configuration: Configuration) -> Sequence[Input]:
    """Return the input artifacts, in one query."""
    artifacts = configuration.artifacts()
    declared = {artifact.name: artifact for artifact in configuration.executable.template.artifacts}
    return [
        Input(
            name=name,
            artifact_id=pk,
            artifact=artifacts.get(name),
            description=declared[name].description if name in declared else "",
        )
        for name, pk in configuration.inputs.items()
    ]
