"""Artifacts: models, data sets and result sets by their URL."""

from __future__ import annotations

from typing import Literal

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Router

from deployments.api.artifacts import schemas
from deployments.api.auth import GroupHeader, actor_of, group_of
from deployments.api.common import (
    DEFAULT_PAGE_SIZE,
    FAILURES,
    ID,
    PLAIN_NUMBER,
    CaselessSearch,
    Expand,
    LabelSelector,
    PathId,
    Search,
    Skip,
    Top,
    answer,
    count_of,
    find,
    has_labels,
    labels_of,
    link,
    links,
    scenario_body,
    search_for,
)
from deployments.api.errors import ApiError
from deployments.models import Artifact, ArtifactKind, Scenario
from deployments.operations import add_artifact

router = Router(tags=["Artifact"], by_alias=True)
LINKS = links(201, artifact=link(artifactId=ID))
Kind = Literal["model", "dataset", "resultset", "other", ""]


@router.get("/artifacts", response={200: schemas.ArtifactList, **FAILURES})
def artifact_list(
    request: HttpRequest,
    group: GroupHeader,
    scenarioId: str = "",  # noqa: N803
    executionId: str = "",  # noqa: N803
    name: str = "",
    kind: Kind = "",
    artifactLabelSelector: LabelSelector = [],  # noqa: B006, N803  ninja copies it
    top: Top = DEFAULT_PAGE_SIZE,
    skip: Skip = 0,
    search: Search = "",
    caseless: CaselessSearch = False,
    expand: Expand = "",
) -> HttpResponse:
    found = _found(request, group, scenarioId, executionId, name, kind, search, caseless)
    if artifactLabelSelector:
        fitting = [one for one in found.select_related("scenario") if has_labels(one.labels, artifactLabelSelector)]
        rows, count = fitting[skip : skip + top], len(fitting)
    else:
        rows = list(found.select_related("scenario")[skip : skip + top])
        count = count_of(found, rows, top, skip)
    return answer(schemas.ArtifactList(count=count, resources=[_body(one, expand) for one in rows]))


@router.get("/artifacts/$count", response={200: None, **FAILURES}, openapi_extra=PLAIN_NUMBER)
def artifact_count(
    request: HttpRequest,
    group: GroupHeader,
    scenarioId: str = "",  # noqa: N803
    executionId: str = "",  # noqa: N803
    name: str = "",
    kind: Kind = "",
    artifactLabelSelector: LabelSelector = [],  # noqa: B006, N803  ninja copies it
    search: Search = "",
    caseless: CaselessSearch = False,
) -> HttpResponse:
    found = _found(request, group, scenarioId, executionId, name, kind, search, caseless)
    count = (
        sum(has_labels(labels, artifactLabelSelector) for labels in found.values_list("labels", flat=True))
        if artifactLabelSelector
        else found.count()
    )
    return HttpResponse(str(count), content_type="text/plain")


@router.post("/artifacts", response={201: schemas.ArtifactCreated, **FAILURES}, openapi_extra=LINKS)
def artifact_create(request: HttpRequest, group: GroupHeader, body: schemas.ArtifactPost) -> HttpResponse:
    scenario = Scenario.objects.filter(pk=body.scenario_id).first()
    place = group_of(request, group)
    if scenario is None:
        raise ApiError(400, f"There is no scenario {body.scenario_id}.")
    artifact = add_artifact(
        actor_of(request),
        place,
        scenario,
        name=body.name,
        kind=body.kind,
        url=body.url,
        description=body.description,
        labels={label.key: label.value for label in body.labels},
    )
    told = schemas.ArtifactCreated(id=str(artifact.pk), message="Artifact acknowledged", url=artifact.url)
    return answer(told, 201, Location=f"/v2/lm/artifacts/{artifact.pk}")


@router.get("/artifacts/{artifactId}", response={200: schemas.ArtifactBody, **FAILURES})
def artifact(
    request: HttpRequest,
    artifactId: PathId,  # noqa: N803
    group: GroupHeader,
    expand: Expand = "",
) -> HttpResponse:
    place = group_of(request, group)
    found = find(Artifact.objects.select_related("scenario"), place, artifactId)
    if found is None:
        raise ApiError(404, f"There is no artifact {artifactId} in {place.pk}.")
    return answer(_body(found, expand))


def _found(
    request: HttpRequest,
    group: str,
    scenario_id: str,
    execution_id: str,
    name: str,
    kind: str,
    search: str,
    caseless: bool | str,
) -> QuerySet[Artifact]:
    found = Artifact.objects.filter(resource_group=group_of(request, group))
    if execution_id:
        return found.none()  # no artifact comes from an execution, as there are none
    exact = {"scenario": scenario_id, "name": name, "kind": kind}
    found = found.filter(**{column: value.replace("\0", "") for column, value in exact.items() if value})
    return found.filter(search_for(search, caseless, "name", "description"))


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
