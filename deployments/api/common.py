"""Shared by the endpoints: answers, counts, labels, links, and the documented errors."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Annotated, Any, Literal, TypeVar

from django.db.models import QuerySet
from django.http import HttpResponse
from ninja import Path, Query

from deployments.api.fields import ID_PATTERN
from deployments.api.schemas import Body, Failure, LabelBody, ScenarioBody
from deployments.models import Artifact, Configuration, ResourceGroup, Scenario
from deployments.queries.filters import uuid_or_none

Row = TypeVar("Row", Artifact, Configuration)
ERRORS = frozenset({400, 401, 403, 404, 409, 412, 413, 429})
FAILURES: Mapping[Any, Any] = {ERRORS: Failure}
# Counts are plain text.
PLAIN_NUMBER: dict[str, Any] = {"responses": {200: {"content": {"text/plain": {"schema": {"type": "integer"}}}}}}

ID, FIRST = "$response.body#/id", "$response.body#/resources/0/id"

Expand = Annotated[Literal["scenario", ""], Query(alias="$expand")]
PathId = Annotated[str, Path(pattern=ID_PATTERN)]
LabelSelector = Annotated[list[str], Query(max_length=10)]


def link(*, in_group: bool = True, body: Mapping[str, str] | None = None, **parameters: str) -> dict[str, Any]:
    """Return an OpenAPI link: where the values of a following request come from.

    Args:
        in_group: whether it has the same resource group in its header.
        body: field of its body -> runtime expression.
        parameters: parameter of its path -> runtime expression.
    """
    group = {"AI-Resource-Group": "$request.header.AI-Resource-Group"} if in_group else {}
    return {"parameters": {**parameters, **group}} | ({"requestBody": dict(body)} if body else {})


def links(status: int, **operations: Mapping[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI links of an answer with `status`: the operations that can follow it."""
    by_name = {name: {"operationId": name, **values} for name, values in operations.items()}
    return {"responses": {status: {"links": by_name}}}


def answer(body: Body, status: int = 200, **headers: str) -> HttpResponse:
    """Return a body as JSON, with the specification's names and without nulls.

    Serialised by pydantic directly: the framework would process every field twice more (a list of 100
    deployments took 78 ms instead of 20).
    """
    text = body.model_dump_json(by_alias=True, exclude_none=True)
    return HttpResponse(text, status=status, content_type="application/json", headers=headers)


def count_of(queryset: QuerySet[Any, Any], page: Sized, top: int, skip: int) -> int:
    """Return the total number of rows; counted in the database only when the page does not show it."""
    return len(page) if skip == 0 and len(page) < top else queryset.count()


def labels_of(labels: Mapping[str, str]) -> list[LabelBody]:
    return [LabelBody(key=key, value=value) for key, value in labels.items()]


def scenario_body(scenario: Scenario) -> ScenarioBody:
    return ScenarioBody(
        id=scenario.pk,
        name=scenario.name,
        description=scenario.description,
        labels=labels_of(scenario.labels),
        created_at=scenario.created_at,
        modified_at=scenario.changed_at,
    )


def find(rows: QuerySet[Row, Row], group: ResourceGroup, pk: str) -> Row | None:
    """Return the row of a resource group that has this UUID, None when there is none or it is no UUID."""
    key = uuid_or_none(pk)
    return rows.filter(resource_group=group, pk=key).first() if key else None
