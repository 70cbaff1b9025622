"""Scenarios, their executables and versions. They are shared by all resource groups."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from deployments.api.auth import GroupHeader, group_of
from deployments.api.common import (
    FAILURES,
    FIRST,
    LabelSelector,
    PathId,
    answer,
    labels_of,
    link,
    links,
    scenario_body,
)
from deployments.api.errors import ApiError
from deployments.api.filters import has_labels
from deployments.api.scenarios import schemas
from deployments.api.schemas import ScenarioBody
from deployments.models import Executable, Scenario

router = Router(tags=["Scenario"], by_alias=True)
SAME = "$request.path.scenarioId"


@router.get(
    "/scenarios",
    response={200: schemas.ScenarioList, **FAILURES},
    openapi_extra=links(200, scenario=link(scenarioId=FIRST), executable_list=link(scenarioId=FIRST)),
)
def scenario_list(request: HttpRequest, group: GroupHeader) -> HttpResponse:
    group_of(request, group)
    scenarios = [scenario_body(scenario) for scenario in Scenario.objects.all()]
    return answer(schemas.ScenarioList(count=len(scenarios), resources=scenarios))


@router.get("/scenarios/{scenarioId}", response={200: ScenarioBody, **FAILURES})
def scenario(request: HttpRequest, scenarioId: PathId, group: GroupHeader) -> HttpResponse:  # noqa: N803
    group_of(request, group)
    return answer(scenario_body(_scenario(scenarioId)))


@router.get(
    "/scenarios/{scenarioId}/executables",
    response={200: schemas.ExecutableList, **FAILURES},
    openapi_extra=links(
        200,
        executable=link(scenarioId=SAME, executableId=FIRST),
        configuration_create=link(body={"scenarioId": SAME, "executableId": FIRST}),
    ),
)
def executable_list(
    request: HttpRequest,
    scenarioId: PathId,  # noqa: N803
    group: GroupHeader,
    versionId: str = "",  # noqa: N803
) -> HttpResponse:
    group_of(request, group)
    found = Executable.objects.filter(scenario=_scenario(scenarioId))
    if versionId:
        found = found.filter(version=versionId.replace("\0", ""))
    executables = [_executable_body(executable) for executable in found]
    return answer(schemas.ExecutableList(count=len(executables), resources=executables))


@router.get(
    "/scenarios/{scenarioId}/executables/{executableId}",
    response={200: schemas.ExecutableBody, **FAILURES},
)
def executable(
    request: HttpRequest,
    scenarioId: PathId,  # noqa: N803
    executableId: PathId,  # noqa: N803
    group: GroupHeader,
) -> HttpResponse:
    group_of(request, group)
    found = Executable.objects.filter(scenario=_scenario(scenarioId), pk=executableId).first()
    if found is None:
        raise ApiError(404, f"The scenario {scenarioId} has no executable {executableId}.")
    return answer(_executable_body(found))


@router.get("/scenarios/{scenarioId}/versions", response={200: schemas.VersionList, **FAILURES})
def version_list(
    request: HttpRequest,
    scenarioId: PathId,  # noqa: N803
    group: GroupHeader,
    labelSelector: LabelSelector = [],  # noqa: B006, N803  ninja copies it
) -> HttpResponse:
    """List the versions of a scenario: those of its executables."""
    group_of(request, group)
    found = _scenario(scenarioId)
    executables = Executable.objects.filter(scenario=found).exclude(version="").order_by("version", "created_at")
    versions: dict[str, schemas.VersionBody] = {}
    for one in executables if has_labels(found.labels, labelSelector) else ():
        first = versions.get(one.version)
        versions[one.version] = schemas.VersionBody(
            id=one.version,
            scenario_id=found.pk,
            description=found.description,
            created_at=first.created_at if first else one.created_at,
            modified_at=max(one.changed_at, first.modified_at) if first else one.changed_at,
        )
    return answer(schemas.VersionList(count=len(versions), resources=list(versions.values())))


@router.get("/scenarios/{scenarioId}/models", response={200: schemas.ModelList, **FAILURES})
def model_list(request: HttpRequest, scenarioId: PathId, group: GroupHeader) -> HttpResponse:  # noqa: N803
    """List the ready-made models of a scenario: none, as each deployment brings its own."""
    group_of(request, group)
    _scenario(scenarioId)
    return answer(schemas.ModelList(count=0, resources=[]))


def _scenario(pk: str) -> Scenario:
    found = Scenario.objects.filter(pk=pk).first()
    if found is None:
        raise ApiError(404, f"There is no scenario {pk}.")
    return found


def _executable_body(executable: Executable) -> schemas.ExecutableBody:
    template = executable.template
    return schemas.ExecutableBody(
        id=executable.pk,
        name=executable.name,
        description=executable.description,
        scenario_id=executable.scenario_id,
        version_id=executable.version,
        labels=labels_of(executable.labels),
        parameters=[
            schemas.ParameterBody(name=one.name, description=one.description, default=one.default)
            for one in template.parameters
        ],
        input_artifacts=[
            schemas.ExecutableArtifactBody(
                name=one.name, kind=one.kind or None, description=one.description, labels=labels_of(one.labels)
            )
            for one in template.artifacts
        ],
        output_artifacts=[],
        deployable=not template.problem_for_local_runtime,
        created_at=executable.created_at,
        modified_at=executable.changed_at,
    )
