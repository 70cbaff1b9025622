"""Lists and details of artifacts, and the artifacts that match an input of a template."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal
from uuid import UUID

from django.db.models import Case, Count, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from deployments.models import Artifact, ArtifactKind, Configuration
from deployments.queries.filters import NOTHING, Filter, equals, filtered, scenario_filter

MAX_CHOICES = 500


def _mentions(text: str) -> Q:
    return Q(name__icontains=text) | Q(id__icontains=text) | _redacted_url_contains(text)


def _redacted_url_contains(text: str) -> Q:
    """Return the condition that the visible part of a URL contains a text.

    Otherwise a search could reveal a signature, letter by letter.
    """
    with_redacted_part = Artifact.objects.filter(Q(url__contains="?") | Q(url__contains="@"), url__icontains=text)
    only_in_redacted_part = [
        artifact.pk
        for artifact in with_redacted_part.only("url")
        if text.casefold() not in artifact.redacted_url.casefold()
    ]
    return Q(url__icontains=text) & ~Q(pk__in=only_in_redacted_part)


FILTERS = (
    Filter(
        name="kind",
        label=_("Kind"),
        condition=equals("kind"),
        parse=lambda value: value if value in ArtifactKind.values else "",
        parameter="kind",
        annotation=Literal["model", "dataset", "resultset", "other", ""],
    ),
    Filter(
        name="q",
        label=_("Search"),
        condition=_mentions,
        hint=_("Name, ID or URL"),
    ),
    scenario_filter("scenario"),
    Filter(name="name", label=_("Name"), condition=equals("name"), parameter="name"),
    # Launchpad has no executions, so no artifact comes from one.
    Filter(name="execution", label=_("Execution"), condition=lambda value: NOTHING, parameter="executionId"),
)


def artifacts(group_id: str, **values: str) -> QuerySet[Artifact]:
    """Return the artifacts of a resource group, newest first.

    Args:
        values: of FILTERS.
    """
    return filtered(Artifact.objects.filter(resource_group=group_id).select_related("scenario"), FILTERS, values)


def counts_by_kind(group_id: str) -> Mapping[str, int]:
    """Return kind -> number of artifacts of a resource group."""
    counts = Artifact.objects.filter(resource_group=group_id).order_by().values_list("kind").annotate(Count("pk"))
    return {kind: 0 for kind in ArtifactKind.values} | dict(counts)


def find_artifact(group_ids: Collection[str], pk: UUID) -> Artifact | None:
    """Return an artifact of these resource groups with its scenario and author."""
    rows = Artifact.objects.select_related("scenario", "created_by", "resource_group")
    return rows.filter(resource_group__in=group_ids, pk=pk).first()


def choices_for(group_id: str, *, kind: str, scenario: str) -> Sequence[Artifact]:
    """Return the artifacts of an input's kind: those of the template's scenario first, then the newest.

    Args:
        kind: an ArtifactKind, `""` for any.
        scenario: id of the template's scenario.
    """
    own_first = Case(When(scenario=scenario, then=Value(0)), default=Value(1))
    rows = artifacts(group_id, kind=kind).order_by(own_first, "-created_at", "pk")
    return list(rows[:MAX_CHOICES])


def configurations_with(artifact: Artifact) -> QuerySet[Configuration]:
    """Return the configurations that use an artifact, newest first."""
    rows = Configuration.objects.filter(resource_group=artifact.resource_group_id)
    rows = rows.annotate(inputs_text=Cast("inputs", TextField())).filter(inputs_text__contains=str(artifact.pk))
    return rows.select_related("scenario", "executable").defer("parameters", "executable__text")
