"""Artifacts: models, data sets and result sets by their URL."""

from __future__ import annotations

from typing import Annotated, Literal

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from ninja.responses import Status as Answered

from deployments.api import schemas
from deployments.api.auth import GroupHeader, actor_of, group_of
from deployments.api.common import (
    FAILURES,
    PLAIN_NUMBER,
    SHAPE,
    USUAL_ROWS,
    CaselessSearch,
    LabelSelector,
    PathId,
    Search,
    Skip,
    Top,
    has_labels,
    labels_of,
    scenario_body,
    search_for,
    uuid_or_none,
)
from deployments.api.errors import ApiError
from deployments.models import Artifact, ArtifactKind, Scenario
from deployments.operations import add_artifact

router = Router(tags=["Artifact"])
Expand = Annotated[Literal["scenario", ""], Query(alias="$expand")]
Kind = Literal["model", "dataset", "resultset", "other", ""]


@router.get("/artifacts", response={200: schemas.ArtifactList, **FAILURES}, **SHAPE)
def artifact_list(
    request: HttpRequest,
    group: GroupHeader,
    scenarioId: str = "",  # noqa: N803
    executionId: str = "",  # noqa: N803
    name: str = "",
    kind: Kind = "",
    artifactLabelSelector: LabelSelector = [],  # noqa: B006, N803  ninja copies it
    top: Top = USUAL_ROWS,
    skip: Skip = 0,
    search: Search = "",
    caseless: CaselessSearch = False,
    expand: Expand = "",
) -> schemas.ArtifactList:
    found = _found(request, group, scenarioId, executionId, name, kind, search, caseless)
    if artifactLabelSelector:
        fitting = [one for one in found.select_related("scenario") if has_labels(one.labels, artifactLabelSelector)]
        rows, count = fitting[skip : skip + top], len(fitting)
    else:
        rows, count = list(found.select_related("scenario")[skip : skip + top]), found.count()
    return schemas.ArtifactList(count=count, resources=[_body(one, expand) for one in rows])


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


@router.post("/artifacts", response={201: schemas.ArtifactCreated, **FAILURES}, **SHAPE)
def artifact_create(
    request: HttpRequest, group: GroupHeader, body: schemas.ArtifactPost, response: HttpResponse
) -> Answered[schemas.ArtifactCreated]:
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
    response.headers["Location"] = f"/v2/lm/artifacts/{artifact.pk}"
    created = schemas.ArtifactCreated(id=str(artifact.pk), message="Artifact acknowledged", url=artifact.url)
    return Answered(201, created)


@router.get("/artifacts/{artifactId}", response={200: schemas.ArtifactBody, **FAILURES}, **SHAPE)
def artifact(
    request: HttpRequest,
    artifactId: PathId,  # noqa: N803
    group: GroupHeader,
    expand: Expand = "",
) -> schemas.ArtifactBody:
    place = group_of(request, group)
    pk = uuid_or_none(artifactId)
    found = Artifact.objects.select_related("scenario").filter(resource_group=place, pk=pk).first() if pk else None
    if found is None:
        raise ApiError(404, f"There is no artifact {artifactId} in {place.pk}.")
    return _body(found, expand)


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
