"""The filters of lists as parameters of the AI API, and the paging that lists share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, get_origin

from django.db import connection
from django.db.models import F, Q, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan
from ninja import Query, Schema
from pydantic import Field, create_model

from deployments.queries.filters import Filter

MAX_ROWS = 100_000
DEFAULT_PAGE_SIZE = 10_000
MAX_VALUES = 100  # of one filter

Top = Annotated[int, Query(alias="$top", ge=0, le=MAX_ROWS, description="Maximum number of rows.")]
Skip = Annotated[int, Query(alias="$skip", ge=0, le=2**31, description="Number of rows to skip.")]
OptionalTop = Annotated[
    int | None, Query(alias="$top", ge=0, le=MAX_ROWS, description="Maximum number of rows, by default all.")
]


class Parameters(Schema):
    """The query parameters of a list; created from a table of filters by `parameters_of`."""

    def values(self) -> Mapping[str, str | Sequence[str]]:
        """Return filter name -> its value or values."""
        given = self.model_dump(by_alias=False, exclude={"search", "caseless"})
        return {name: split(value) if isinstance(value, list) else value for name, value in given.items()}


class Search(Schema):
    """The search parameters of a list. Some clients put the text into the flag that says whether case matters."""

    search: str = Field("", alias="$search", max_length=80, description="Part of a name or description.")
    caseless: bool | str = Field(False, alias="searchCaseInsensitive")

    def condition(self, *columns: str) -> Q:
        return search_for(self.search, self.caseless, *columns)


def parameters_of(name: str, filters: Iterable[Filter]) -> type[Parameters]:
    """Return the query parameters of the AI API for a table of filters."""
    fields: dict[str, Any] = {}
    for declared in filters:
        if not declared.parameter:
            continue
        if get_origin(declared.annotation) is list:
            fields[declared.name] = (declared.annotation, Field([], alias=declared.parameter, max_length=MAX_VALUES))
        else:
            fields[declared.name] = (declared.annotation, Field("", alias=declared.parameter))
    return create_model(name, __base__=Parameters, **fields)


def split(values: Sequence[str]) -> list[str]:
    """Return the values of a list parameter, which may be repeated or separated by commas."""
    return [part for value in values for part in value.split(",") if part]


def search_for(text: str, caseless: bool | str, *columns: str) -> Q:
    """Return the condition that one of the columns contains the text.

    Args:
        text: of `$search`.
        caseless: of `searchCaseInsensitive`: whether upper and lower case are equal, or the text itself, from
            clients that send it there.
    """
    flag = str(caseless).lower()
    is_flag = flag in {"", "true", "false", "1", "0"}
    part = (text or ("" if is_flag else str(caseless)[:80])).replace("\0", "")
    condition = Q()
    for column in columns if part else ():
        if is_flag and flag not in {"true", "1"}:
            # SQLite's LIKE ignores case, its INSTR does not; PostgreSQL's STRPOS is like INSTR.
            condition |= Q(GreaterThan(StrIndex(F(column), Value(part)), 0))
        elif connection.vendor == "sqlite":  # its LIKE ignores the case of ASCII letters only
            condition |= Q(**{f"{column}__iregex": re.escape(part)})
        else:
            condition |= Q(**{f"{column}__icontains": part})
    return condition


def has_labels(labels: Mapping[str, str], selectors: Sequence[str]) -> bool:
    """Return whether labels match all selectors, `key=value` or `key!=value`."""
    for selector in split(selectors):
        key, is_not, value = selector.partition("!=")
        if not is_not:
            key, _, value = selector.partition("=")
        if (labels.get(key) == value) == bool(is_not):
            return False
    return True
