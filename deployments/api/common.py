"""What the endpoints share: paging, searching, labels, and the errors that are documented."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Sized
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan
from django.http import HttpResponse
from ninja import Path, Query

from deployments.api.fields import ID_PATTERN
from deployments.api.schemas import Body, Failure, LabelBody, ScenarioBody
from deployments.models import Artifact, Configuration, ResourceGroup, Scenario

Row = TypeVar("Row", Artifact, Configuration)
MAX_ROWS = 100_000
DEFAULT_PAGE_SIZE = 10_000
ERRORS = frozenset({400, 401, 403, 404, 409, 412, 413, 429})
FAILURES: Mapping[Any, Any] = {ERRORS: Failure}
# Counts are plain text.
PLAIN_NUMBER: dict[str, Any] = {"responses": {200: {"content": {"text/plain": {"schema": {"type": "integer"}}}}}}

ID, FIRST = "$response.body#/id", "$response.body#/resources/0/id"

Top = Annotated[int, Query(alias="$top", ge=0, le=MAX_ROWS, description="Most rows.")]
Skip = Annotated[int, Query(alias="$skip", ge=0, le=2**31, description="Rows to leave out first.")]
OptionalTop = Annotated[int | None, Query(alias="$top", ge=0, le=MAX_ROWS, description="Most rows, all by default.")]
Search = Annotated[str, Query(alias="$search", max_length=80, description="Part of a name or description.")]
# A flag in the specification, false when left out; some clients put the text itself here.
CaselessSearch = Annotated[bool | str, Query(alias="searchCaseInsensitive")]
Expand = Annotated[Literal["scenario", ""], Query(alias="$expand")]
PathId = Annotated[str, Path(pattern=ID_PATTERN)]
Ids = Annotated[list[str], Query(alias="executableIds", max_length=100)]
LabelSelector = Annotated[list[str], Query(max_length=10)]


def link(*, in_group: bool = True, body: Mapping[str, str] | None = None, **parameters: str) -> dict[str, Any]:
    """Return where the document says the values of a following request come from.

    Args:
        in_group: whether it names the same resource group in its header.
        body: field of its body -> expression.
        parameters: parameter of its path -> expression.
    """
    group = {"AI-Resource-Group": "$request.header.AI-Resource-Group"} if in_group else {}
    return {"parameters": {**parameters, **group}} | ({"requestBody": dict(body)} if body else {})


def links(status: int, **following: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the document says of an answer with `status`: the operations that go on from there."""
    told = {name: {"operationId": name, **where} for name, where in following.items()}
    return {"responses": {status: {"links": told}}}


def answer(body: Body, status: int = 200, **headers: str) -> HttpResponse:
    """Return a body as JSON: names as the specification spells them, and no nulls.

    Written by pydantic itself: the framework's own way would look at every field twice more (a list of 100
    deployments took 78 ms instead of 20).
    """
    text = body.model_dump_json(by_alias=True, exclude_none=True)
    return HttpResponse(text, status=status, content_type="application/json", headers=headers)


def count_of(found: QuerySet[Any, Any], shown: Sized, top: int, skip: int) -> int:
    """Return how many rows there are in all; the database is only asked when those shown do not tell."""
    return len(shown) if skip == 0 and len(shown) < top else found.count()


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


def split(words: Sequence[str]) -> list[str]:
    """Return the values of a list parameter, given several times or separated by commas."""
    return [part for word in words for part in word.split(",") if part]


def search_for(text: str, caseless: bool | str, *columns: str) -> Q:
    """Return the condition that one of the columns holds what is searched for.

    Args:
        text: of `$search`.
        caseless: of `searchCaseInsensitive`: whether upper and lower case are the same, or the text itself from
            clients that put it there.
    """
    word = str(caseless).lower()
    is_flag = word in {"", "true", "false", "1", "0"}
    wanted = (text or ("" if is_flag else str(caseless)[:80])).replace("\0", "")
    condition = Q()
    for column in columns if wanted else ():
        if is_flag and word not in {"true", "1"}:
            # LIKE of SQLite looks at no case, its INSTR does; PostgreSQL's STRPOS is the same.
            condition |= Q(GreaterThan(StrIndex(F(column), Value(wanted)), 0))
        elif connection.vendor == "sqlite":  # its LIKE knows the case of ASCII letters alone
            condition |= Q(**{f"{column}__iregex": re.escape(wanted)})
        else:
            condition |= Q(**{f"{column}__icontains": wanted})
    return condition


def has_labels(labels: Mapping[str, str], selectors: Sequence[str]) -> bool:
    """Return whether labels fit all selectors, `key=value` or `key!=value`."""
    for selector in split(selectors):
        key, is_not, value = selector.partition("!=")
        if not is_not:
            key, _, value = selector.partition("=")
        if (labels.get(key) == value) == bool(is_not):
            return False
    return True


def find(rows: QuerySet[Row, Row], group: ResourceGroup, pk: str) -> Row | None:
    """Return the row of a resource group that has this UUID, None when there is none or it is no UUID."""
    key = uuid_or_none(pk)
    return rows.filter(resource_group=group, pk=key).first() if key else None


def uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
