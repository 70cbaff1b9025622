"""Endpoints of scenarios, their executables and versions, which all resource groups share."""

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
from deployments.models import Connection, Executable, Scenario
from deployments.scheduling.compatibility import problem_on

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
    connection = group_of(request, group).connection
    executables = Executable.objects.filter(scenario=_scenario(scenarioId))
    if versionId:
        executables = executables.filter(version=versionId.replace("\0", ""))
    bodies = [_executable_body(executable, connection) for executable in executables]
    return answer(schemas.ExecutableList(count=len(bodies), resources=bodies))


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
    connection = group_of(request, group).connection
    row = Executable.objects.filter(scenario=_scenario(scenarioId), pk=executableId).first()
    if row is None:
        raise ApiError(404, f"The scenario {scenarioId} has no executable {executableId}.")
    return answer(_executable_body(row, connection))


@router.get("/scenarios/{scenarioId}/versions", response={200: schemas.VersionList, **FAILURES})
def version_list(
    request: HttpRequest,
    scenarioId: PathId,  # noqa: N803
    group: GroupHeader,
    labelSelector: LabelSelector = [],  # noqa: B006, N803  ninja copies it
) -> HttpResponse:
    """List the versions of a scenario, which are those of its executables."""
    group_of(request, group)
    scenario = _scenario(scenarioId)
    executables = Executable.objects.filter(scenario=scenario).exclude(version="").order_by("version", "created_at")
    versions: dict[str, schemas.VersionBody] = {}
    for executable in executables if has_labels(scenario.labels, labelSelector) else ():
        first = versions.get(executable.version)
        versions[executable.version] = schemas.VersionBody(
            id=executable.version,
            scenario_id=scenario.pk,
            description=scenario.description,
            created_at=first.created_at if first else executable.created_at,
            modified_at=max(executable.changed_at, first.modified_at) if first else executable.changed_at,
        )
    return answer(schemas.VersionList(count=len(versions), resources=list(versions.values())))


@router.get("/scenarios/{scenarioId}/models", response={200: schemas.ModelList, **FAILURES})
def model_list(request: HttpRequest, scenarioId: PathId, group: GroupHeader) -> HttpResponse:  # noqa: N803
    """List the foundation models of a scenario: always none, since Launchpad has no shared models."""
    group_of(request, group)
    _scenario(scenarioId)
    return answer(schemas.ModelList(count=0, resources=[]))


def _scenario(pk: str) -> Scenario:
    scenario = Scenario.objects.filter(pk=pk).first()
    if scenario is None:
        raise ApiError(404, f"There is no scenario {pk}.")
    return scenario


def _executable_body(executable: Executable, connection: Connection) -> schemas.ExecutableBody:
    template = executable.template
    return schemas.ExecutableBody(
        id=executable.pk,
        name=executable.name,
        description=executable.description,
        scenario_id=executable.scenario_id,
        version_id=executable.version,
        labels=labels_of(executable.labels),
        parameters=[
            schemas.ParameterBody(name=parameter.name, description=parameter.description, default=parameter.default)
            for parameter in template.parameters
        ],
        input_artifacts=[
            schemas.ExecutableArtifactBody(
                name=artifact.name,
                kind=artifact.kind or None,
                description=artifact.description,
                labels=labels_of(artifact.labels),
            )
            for artifact in template.artifacts
        ],
        output_artifacts=[],
        deployable=not problem_on(connection, template),
        created_at=executable.created_at,
        modified_at=executable.changed_at,
    )
