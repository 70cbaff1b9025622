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

Top = Annotated[int, Query(alias="$top", ge=0, le=MAX_ROWS, description="Most rows.")]
Skip = Annotated[int, Query(alias="$skip", ge=0, le=2**31, description="Rows to leave out first.")]
OptionalTop = Annotated[int | None, Query(alias="$top", ge=0, le=MAX_ROWS, description="Most rows, all by default.")]


class Parameters(Schema):
    """What a list of the AI API is asked with; made from a table of filters by `parameters_of`."""

    def values(self) -> Mapping[str, str | Sequence[str]]:
        """Return name of a filter -> its value or values."""
        given = self.model_dump(by_alias=False, exclude={"search", "caseless"})
        return {name: split(value) if isinstance(value, list) else value for name, value in given.items()}


class Search(Schema):
    """Search of a list; a flag in the specification says whether case counts, and some clients put the text there."""

    search: str = Field("", alias="$search", max_length=80, description="Part of a name or description.")
    caseless: bool | str = Field(False, alias="searchCaseInsensitive")

    def condition(self, *columns: str) -> Q:
        return search_for(self.search, self.caseless, *columns)


def parameters_of(name: str, filters: Iterable[Filter]) -> type[Parameters]:
    """Return the parameters of the AI API that a table of filters offers."""
    fields: dict[str, Any] = {}
    for one in filters:
        if not one.parameter:
            continue
        if get_origin(one.annotation) is list:
            fields[one.name] = (one.annotation, Field([], alias=one.parameter, max_length=MAX_VALUES))
        else:
            fields[one.name] = (one.annotation, Field("", alias=one.parameter))
    return create_model(name, __base__=Parameters, **fields)


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
    part = (text or ("" if is_flag else str(caseless)[:80])).replace("\0", "")
    condition = Q()
    for column in columns if part else ():
        if is_flag and word not in {"true", "1"}:
            # LIKE of SQLite looks at no case, its INSTR does; PostgreSQL's STRPOS is the same.
            condition |= Q(GreaterThan(StrIndex(F(column), Value(part)), 0))
        elif connection.vendor == "sqlite":  # its LIKE knows the case of ASCII letters alone
            condition |= Q(**{f"{column}__iregex": re.escape(part)})
        else:
            condition |= Q(**{f"{column}__icontains": part})
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
