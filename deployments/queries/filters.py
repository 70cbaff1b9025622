"""What lists can be filtered by: tables that queries, the forms and chips of pages and the AI API walk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from deployments.models import Executable, Scenario

MAX_LENGTH = 256  # characters of a value; nothing that it is compared with is longer

Row = TypeVar("Row", bound=Model)
Choices = Sequence[tuple[str, str]]  # value, text
NOTHING = Q(pk__in=())
PERIODS: Mapping[str, timedelta] = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
PERIOD_LABELS = {
    "day": _("Last 24 hours"),
    "week": _("Last 7 days"),
    "month": _("Last 30 days"),
}


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One row of a table of filters.

    Args:
        name: in the address of the page.
        label: of the field and of the chip.
        condition: value -> what the rows fulfil.
        parse: value of the address -> value that makes sense, `""` for none.
        choices: values of all filters -> what a select offers; None for a field that is no select.
        all_label: a select's entry for no choice.
        hint: what a text field may hold; neither this nor `choices` means that the page has no field for it, and only
            keeps the value.
        parameter: its name in the AI API, `""` when that does not have it.
        annotation: type of the parameter; a list is any of its values.
    """

    name: str
    label: StrPromise
    condition: Callable[[str], Q]
    parse: Callable[[str], str] = str
    choices: Callable[[Mapping[str, str]], Choices] | None = None
    all_label: StrPromise | str = ""
    hint: StrPromise | str = ""
    parameter: str = ""
    annotation: Any = str


@dataclass(frozen=True, kw_only=True)
class Field:
    """A filter as a page shows it: its value, and what may be chosen instead."""

    filter: Filter
    value: str
    choices: Choices

    @property
    def text(self) -> str:
        """The value as people read it."""
        return next((text for value, text in self.choices if value == self.value), self.value)


def values_from(filters: Iterable[Filter], query: Mapping[str, str]) -> dict[str, str]:
    """Return name -> value of what an address asks for; what makes no sense in it counts as not said."""
    return {one.name: one.parse(_plain(query.get(one.name, ""))) for one in filters}


def fields_of(filters: Iterable[Filter], values: Mapping[str, str]) -> list[Field]:
    """Return the filters with their values, for the form and the chips of a page."""
    return [
        Field(filter=one, value=values.get(one.name, ""), choices=one.choices(values) if one.choices else ())
        for one in filters
    ]


def narrowed(
    rows: QuerySet[Row], filters: Iterable[Filter], values: Mapping[str, str | Sequence[str]]
) -> QuerySet[Row]:
    """Return the rows that fulfil all filters that have a value; of several values of one filter any will do."""
    for one in filters:
        given = values.get(one.name, "")
        several = [_plain(value) for value in ([given] if isinstance(given, str) else given)]
        condition = Q()
        for value in filter(None, several):
            condition |= one.condition(value)
        rows = rows.filter(condition)
    return rows


def uuid_or_none(text: str) -> UUID | None:
    """Return an id that came from outside, None when it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def equals_uuid(column: str) -> Callable[[str], Q]:
    """Return the condition that a column has an id; nothing has one that is no UUID."""

    def condition(value: str) -> Q:
        pk = uuid_or_none(value)
        return Q(**{column: pk}) if pk else NOTHING

    return condition


def equals(column: str) -> Callable[[str], Q]:
    """Return the condition that a column has a value."""
    return lambda value: Q(**{column: value})


def period_filter(column: str, *, name: str, label: StrPromise) -> Filter:
    """Return the filter by how long ago the moment in a column is at the most."""
    return Filter(
        name=name,
        label=label,
        condition=lambda value: Q(**{f"{column}__gte": timezone.now() - PERIODS[value]}),
        parse=lambda value: value if value in PERIODS else "",
        choices=lambda values: [(value, str(text)) for value, text in PERIOD_LABELS.items()],
        all_label=_("Any time"),
    )


def scenario_filter(column: str) -> Filter:
    """Return the filter by scenario of rows that have it in a column."""
    return Filter(
        name="scenario",
        label=_("Scenario"),
        condition=equals(column),
        choices=_scenario_choices,
        all_label=_("All scenarios"),
        parameter="scenarioId",
    )


def executable_filter(column: str) -> Filter:
    """Return the filter by deployment template of rows that have it in a column."""
    return Filter(
        name="executable",
        label=_("Template"),
        condition=equals(column),
        choices=_executable_choices,
        all_label=_("All templates"),
        parameter="executableIds",
        annotation=list[str],
    )


def _scenario_choices(values: Mapping[str, str]) -> Choices:
    return list(Scenario.objects.values_list("pk", "name"))


def _executable_choices(values: Mapping[str, str]) -> Choices:
    """Return the templates, those of the chosen scenario alone when one is chosen."""
    rows = Executable.objects.values_list("pk", "name", "version", "scenario_id")
    chosen = values.get("scenario", "")
    return [(pk, f"{name} {version}".strip()) for pk, name, version, scenario in rows if chosen in {"", scenario}]


def _plain(value: str) -> str:
    return value.strip()[:MAX_LENGTH].replace("\0", "")
