"""Endpoints of configurations: immutable values for an executable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from deployments.api.auth import GroupHeader, actor_of, group_of
from deployments.api.common import (
    FAILURES,
    ID,
    PLAIN_NUMBER,
    Expand,
    PathId,
    answer,
    count_of,
    find,
    link,
    links,
    scenario_body,
)
from deployments.api.configurations import schemas
from deployments.api.errors import ApiError
from deployments.api.filters import DEFAULT_PAGE_SIZE, Parameters, Search, Skip, Top, parameters_of
from deployments.api.schemas import Created
from deployments.errors import InvalidInput
from deployments.models import Configuration, Executable
from deployments.operations import create_configuration
from deployments.queries.configurations import FILTERS
from deployments.queries.filters import filtered

if TYPE_CHECKING:  # created at run time from the table of filters, which a type checker cannot follow
    ConfigurationParameters = Parameters
else:
    ConfigurationParameters = parameters_of("ConfigurationParameters", FILTERS)
router = Router(tags=["Configuration"], by_alias=True)
LINKS = links(201, configuration=link(configurationId=ID), deployment_create=link(body={"configurationId": ID}))


@router.get("/configurations", response={200: schemas.ConfigurationList, **FAILURES})
def configuration_list(
    request: HttpRequest,
    group: GroupHeader,
    parameters: Query[ConfigurationParameters],
    search: Query[Search],
    top: Top = DEFAULT_PAGE_SIZE,
    skip: Skip = 0,
    expand: Expand = "",
) -> HttpResponse:
    configurations = _configurations(request, group, parameters, search)
    page = list((configurations.select_related("scenario") if expand else configurations)[skip : skip + top])
    bodies = [_body(row, expand) for row in page]
    return answer(schemas.ConfigurationList(count=count_of(configurations, page, top, skip), resources=bodies))


@router.get("/configurations/$count", response={200: None, **FAILURES}, openapi_extra=PLAIN_NUMBER)
def configuration_count(
    request: HttpRequest,
    group: GroupHeader,
    parameters: Query[ConfigurationParameters],
    search: Query[Search],
) -> HttpResponse:
    configurations = _configurations(request, group, parameters, search)
    return HttpResponse(str(configurations.count()), content_type="text/plain")


@router.post("/configurations", response={201: Created, **FAILURES}, openapi_extra=LINKS)
def configuration_create(request: HttpRequest, group: GroupHeader, body: schemas.ConfigurationPost) -> HttpResponse:
    resource_group = group_of(request, group)
    executable = (
        Executable.objects.select_related("scenario").filter(pk=body.executable_id, scenario=body.scenario_id).first()
    )
    if executable is None:
        raise ApiError(400, f"The scenario {body.scenario_id} has no executable {body.executable_id}.")
    configuration = create_configuration(
        actor_of(request),
        resource_group,
        executable,
        name=body.name,
        parameters=_unique((binding.key, binding.value) for binding in body.parameter_bindings),
        inputs=_unique((binding.key, binding.artifact_id) for binding in body.input_artifact_bindings),
    )
    created = Created(id=str(configuration.pk), message="Configuration created")
    return answer(created, 201, Location=f"/v2/lm/configurations/{configuration.pk}")


@router.get("/configurations/{configurationId}", response={200: schemas.ConfigurationBody, **FAILURES})
def configuration(
    request: HttpRequest,
    configurationId: PathId,  # noqa: N803
    group: GroupHeader,
    expand: Expand = "",
) -> HttpResponse:
    resource_group = group_of(request, group)
    row = find(Configuration.objects.select_related("scenario"), resource_group, configurationId)
    if row is None:
        raise ApiError(404, f"There is no configuration {configurationId} in {resource_group.pk}.")
    return answer(_body(row, expand))


def _configurations(
    request: HttpRequest, group: str, parameters: Parameters, search: Search
) -> QuerySet[Configuration]:
    rows = Configuration.objects.filter(search.condition("name"), resource_group=group_of(request, group))
    return filtered(rows, FILTERS, parameters.values())


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return key -> value of bindings.

    Raises:
        InvalidInput: a key is bound twice.
    """
    bound: dict[str, str] = {}
    for key, value in pairs:
        if key in bound:
            raise InvalidInput({key: f"{key} is bound twice. Leave one of them out."})
        bound[key] = value
    return bound


def _body(configuration: Configuration, expand: str) -> schemas.ConfigurationBody:
    return schemas.ConfigurationBody(
        id=str(configuration.pk),
        name=configuration.name,
        executable_id=configuration.executable_id,
        scenario_id=configuration.scenario_id,
        parameter_bindings=[
            schemas.ParameterBinding(key=key, value=str(value)) for key, value in configuration.parameters.items()
        ],
        input_artifact_bindings=[
            schemas.ArtifactBinding(key=key, artifact_id=value) for key, value in configuration.inputs.items()
        ],
        created_at=configuration.created_at,
        scenario=scenario_body(configuration.scenario) if expand else None,
    )
