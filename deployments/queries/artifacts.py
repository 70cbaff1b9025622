"""Lists and details of artifacts, and the choice of them for an input of a template."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from django.db.models import Case, Count, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast

from deployments.models import Artifact, ArtifactKind, Configuration

CHOICES_SHOWN = 500


def artifacts(group_id: str, *, kind: str = "", text: str = "", scenario: str = "") -> QuerySet[Artifact]:
    """Return the artifacts of a resource group, newest first.

    Args:
        kind: an ArtifactKind, `""` for all.
        text: part of a name, an id or a URL as people may read it, in any case.
        scenario: an id, `""` for all.
    """
    found = Artifact.objects.filter(resource_group=group_id).select_related("scenario")
    found = found.filter(**{key: value for key, value in {"kind": kind, "scenario": scenario}.items() if value})
    if text:
        found = found.filter(Q(name__icontains=text) | Q(id__icontains=text) | _url_shows(text, found))
    return found


def _url_shows(text: str, among: QuerySet[Artifact]) -> Q:
    """Return the condition that a text is in the shown part of a URL.

    Whoever could find a signature by its beginning could guess all of it, letter by letter.
    """
    with_hidden_part = among.filter(Q(url__contains="?") | Q(url__contains="@"), url__icontains=text)
    only_there = [
        artifact.pk
        for artifact in with_hidden_part.select_related(None).only("url")
        if text.casefold() not in artifact.redacted_url.casefold()
    ]
    return Q(url__icontains=text) & ~Q(pk__in=only_there)


def counts_by_kind(group_id: str) -> Mapping[str, int]:
    """Return kind -> number of artifacts of a resource group."""
    counted = Artifact.objects.filter(resource_group=group_id).order_by().values_list("kind").annotate(Count("pk"))
    return {kind: 0 for kind in ArtifactKind.values} | dict(counted)


def find_artifact(group_ids: Collection[str], pk: UUID) -> Artifact | None:
    """Return an artifact of these resource groups with its scenario and author."""
    rows = Artifact.objects.select_related("scenario", "created_by", "resource_group")
    return rows.filter(resource_group__in=group_ids, pk=pk).first()


def choices_for(group_id: str, *, kind: str, scenario: str) -> Sequence[Artifact]:
    """Return the artifacts that fit an input of a template: of its kind, those of its scenario first, then the newest.

    Args:
        kind: an ArtifactKind, `""` when any will do.
        scenario: id of the template's scenario.
    """
    own_first = Case(When(scenario=scenario, then=Value(0)), default=Value(1))
    found = artifacts(group_id, kind=kind).order_by(own_first, "-created_at", "pk")
    return list(found[:CHOICES_SHOWN])


def configurations_with(artifact: Artifact) -> QuerySet[Configuration]:
    """Return the configurations that use an artifact, newest first."""
    rows = Configuration.objects.filter(resource_group=artifact.resource_group_id)
    rows = rows.annotate(inputs_text=Cast("inputs", TextField())).filter(inputs_text__contains=str(artifact.pk))
    return rows.select_related("scenario", "executable").defer("parameters", "executable__text")
