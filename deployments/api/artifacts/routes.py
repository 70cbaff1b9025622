"""Endpoints of artifacts: models, data sets and result sets, by their URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from deployments.api.artifacts import schemas
from deployments.api.auth import GroupHeader, actor_of, group_of
from deployments.api.common import (
    FAILURES,
    ID,
    PLAIN_NUMBER,
    Expand,
    LabelSelector,
    PathId,
    answer,
    count_of,
    find,
    labels_of,
    link,
    links,
    scenario_body,
)
from deployments.api.errors import ApiError
from deployments.api.filters import DEFAULT_PAGE_SIZE, Parameters, Search, Skip, Top, has_labels, parameters_of
from deployments.models import Artifact, ArtifactKind, Scenario
from deployments.operations import add_artifact
from deployments.queries.artifacts import FILTERS
from deployments.queries.filters import filtered

if TYPE_CHECKING:  # created at run time from the table of filters, which a type checker cannot follow
    ArtifactParameters = Parameters
else:
    ArtifactParameters = parameters_of("ArtifactParameters", FILTERS)
router = Router(tags=["Artifact"], by_alias=True)
LINKS = links(201, artifact=link(artifactId=ID))


@router.get("/artifacts", response={200: schemas.ArtifactList, **FAILURES})
def artifact_list(
    request: HttpRequest,
    group: GroupHeader,
    parameters: Query[ArtifactParameters],
    search: Query[Search],
    artifactLabelSelector: LabelSelector = [],  # noqa: B006, N803  ninja copies it
    top: Top = DEFAULT_PAGE_SIZE,
    skip: Skip = 0,
    expand: Expand = "",
) -> HttpResponse:
    artifacts = _artifacts(request, group, parameters, search)
    if artifactLabelSelector:
        selected = [
            row for row in artifacts.select_related("scenario") if has_labels(row.labels, artifactLabelSelector)
        ]
        page, count = selected[skip : skip + top], len(selected)
    else:
        page = list(artifacts.select_related("scenario")[skip : skip + top])
        count = count_of(artifacts, page, top, skip)
    return answer(schemas.ArtifactList(count=count, resources=[_body(row, expand) for row in page]))


@router.get("/artifacts/$count", response={200: None, **FAILURES}, openapi_extra=PLAIN_NUMBER)
def artifact_count(
    request: HttpRequest,
    group: GroupHeader,
    parameters: Query[ArtifactParameters],
    search: Query[Search],
    artifactLabelSelector: LabelSelector = [],  # noqa: B006, N803  ninja copies it
) -> HttpResponse:
    artifacts = _artifacts(request, group, parameters, search)
    count = (
        sum(has_labels(labels, artifactLabelSelector) for labels in artifacts.values_list("labels", flat=True))
        if artifactLabelSelector
        else artifacts.count()
    )
    return HttpResponse(str(count), content_type="text/plain")


@router.post("/artifacts", response={201: schemas.ArtifactCreated, **FAILURES}, openapi_extra=LINKS)
def artifact_create(request: HttpRequest, group: GroupHeader, body: schemas.ArtifactPost) -> HttpResponse:
    scenario = Scenario.objects.filter(pk=body.scenario_id).first()
    resource_group = group_of(request, group)
    if scenario is None:
        raise ApiError(400, f"There is no scenario {body.scenario_id}.")
    artifact = add_artifact(
        actor_of(request),
        resource_group,
        scenario,
        name=body.name,
        kind=body.kind,
        url=body.url,
        description=body.description,
        labels={label.key: label.value for label in body.labels},
    )
    created = schemas.ArtifactCreated(id=str(artifact.pk), message="Artifact acknowledged", url=artifact.url)
    return answer(created, 201, Location=f"/v2/lm/artifacts/{artifact.pk}")


@router.get("/artifacts/{artifactId}", response={200: schemas.ArtifactBody, **FAILURES})
def artifact(
    request: HttpRequest,
    artifactId: PathId,  # noqa: N803
    group: GroupHeader,
    expand: Expand = "",
) -> HttpResponse:
    resource_group = group_of(request, group)
    row = find(Artifact.objects.select_related("scenario"), resource_group, artifactId)
    if row is None:
        raise ApiError(404, f"There is no artifact {artifactId} in {resource_group.pk}.")
    return answer(_body(row, expand))


def _artifacts(request: HttpRequest, group: str, parameters: Parameters, search: Search) -> QuerySet[Artifact]:
    rows = Artifact.objects.filter(search.condition("name", "description"), resource_group=group_of(request, group))
    return filtered(rows, FILTERS, parameters.values())


def _body(artifact: Artifact, expand: str) -> schemas.ArtifactBody:
    return schemas.ArtifactBody(
        id=str(artifact.pk),
        name=artifact.name,
        kind=ArtifactKind(artifact.kind),
        url=artifact.url,
        description=artifact.description,
        scenario_id=artifact.scenario_id,
        labels=labels_of(artifact.labels),
        created_at=artifact.created_at,
        modified_at=artifact.changed_at,
        scenario=scenario_body(artifact.scenario) if expand else None,
    )
