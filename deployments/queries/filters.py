"""Filters of lists: tables from which queries, the forms and chips of pages, and the AI API are built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments.models import Executable, Scenario

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

MAX_LENGTH = 256  # characters of a value; no column that it is compared with is longer

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
        name: of the query parameter of the page.
        label: of the field and of the chip.
        condition: value -> condition on the rows.
        parse: value in the URL -> valid value, `""` for none.
        choices: values of all filters -> options of a select; None for a field that is no select.
        all_label: a select's option for no filter.
        hint: placeholder of a text field. Without this and without `choices` the page has no field for the filter, and
            only keeps its value.
        parameter: its name in the AI API, `""` when the API does not have it.
        annotation: type of the parameter; a list matches any of its values.
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
    """A filter on a page: its value, and its options."""

    filter: Filter
    value: str
    choices: Choices

    @property
    def text(self) -> str:
        """The label of the value."""
        return next((text for value, text in self.choices if value == self.value), self.value)


def values_from(filters: Iterable[Filter], query: Mapping[str, str]) -> dict[str, str]:
    """Return filter name -> value from a query string; invalid values are ignored."""
    return {declared.name: declared.parse(_plain(query.get(declared.name, ""))) for declared in filters}


def fields_of(filters: Iterable[Filter], values: Mapping[str, str]) -> list[Field]:
    """Return the filters with their values, for the form and the chips of a page."""
    return [
        Field(
            filter=declared,
            value=values.get(declared.name, ""),
            choices=declared.choices(values) if declared.choices else (),
        )
        for declared in filters
    ]


def filtered(
    rows: QuerySet[Row], filters: Iterable[Filter], values: Mapping[str, str | Sequence[str]]
) -> QuerySet[Row]:
    """Return the rows that match all filters with a value; a filter with several values matches any of them."""
    for declared in filters:
        given = values.get(declared.name, "")
        alternatives = [_plain(value) for value in ([given] if isinstance(given, str) else given)]
        condition = Q()
        for value in filter(None, alternatives):
            condition |= declared.condition(value)
        rows = rows.filter(condition)
    return rows


def uuid_or_none(text: str) -> UUID | None:
    """Parse an id from outside; None when it is not a UUID."""
    try:
        return UUID(text)
    except ValueError:
        return None


def equals_uuid(column: str) -> Callable[[str], Q]:
    """Return the condition that a column equals an id; it matches nothing when the value is not a UUID."""

    def condition(value: str) -> Q:
        pk = uuid_or_none(value)
        return Q(**{column: pk}) if pk else NOTHING

    return condition


def equals(column: str) -> Callable[[str], Q]:
    """Return the condition that a column equals a value."""
    return lambda value: Q(**{column: value})


def period_filter(column: str, *, name: str, label: StrPromise) -> Filter:
    """Return a filter by the maximum age of the time in a column."""
    return Filter(
        name=name,
        label=label,
        condition=lambda value: Q(**{f"{column}__gte": timezone.now() - PERIODS[value]}),
        parse=lambda value: value if value in PERIODS else "",
        choices=lambda values: [(value, str(text)) for value, text in PERIOD_LABELS.items()],
        all_label=_("Any time"),
    )


def scenario_filter(column: str) -> Filter:
    """Return a filter by the scenario in a column."""
    return Filter(
        name="scenario",
        label=_("Scenario"),
        condition=equals(column),
        choices=_scenario_choices,
        all_label=_("All scenarios"),
        parameter="scenarioId",
    )


def executable_filter(column: str) -> Filter:
    """Return a filter by the deployment template in a column."""
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
    """Return the templates, only those of the chosen scenario if there is one."""
    rows = Executable.objects.values_list("pk", "name", "version", "scenario_id")
    chosen = values.get("scenario", "")
    return [(pk, f"{name} {version}".strip()) for pk, name, version, scenario in rows if chosen in {"", scenario}]


def _plain(value: str) -> str:
    return value.strip()[:MAX_LENGTH].replace("\0", "")
