"""Lists of deployments: filters, counts by status, one page of rows, with a constant number of queries.

A resource group may have ten thousand deployments, so a page is read in two steps: first the ids of its rows in their
order, then these rows with what they refer to. Sorting never carries whole rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from deployments.lifecycle import Action, Status, TargetStatus, why_not
from deployments.models import Deployment, Executable, Scenario

PAGE_SIZES = (25, 50, 100)
PERIODS: Mapping[str, timedelta] = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
# Name in the address -> columns; "-" before the name turns the order round.
SORTS: Mapping[str, tuple[str, ...]] = {
    "id": ("pk",),
    "scenario": ("configuration__scenario__name", "configuration__executable__name"),
    "status": ("status",),
    "target": ("target_status",),
    "created": ("created_at",),
    "changed": ("changed_at",),
}
NEWEST = "-created"
# Columns that a reader may choose, in their order; id and status are always there.
COLUMNS = ("scenario", "target", "created", "changed", "until", "creator")
USUAL_COLUMNS = ("scenario", "target", "created", "changed")
# What a row of a list shows. Without it each row would bring its template's whole text along.
_SHOWN = (
    "id",
    "resource_group_id",
    "created_at",
    "changed_at",
    "created_by",
    "expires_at",
    "status",
    "status_message",
    "status_severity",
    "target_status",
    "unreachable_since",
    "configuration__name",
    "configuration__scenario__name",
    "configuration__executable__name",
    "configuration__executable__version",
)


@dataclass(frozen=True, kw_only=True)
class DeploymentFilter:
    """Which deployments a list shows, and in which order.

    Args:
        status: one of Status, `""` for all.
        text: part of an id or of a configuration's name, in any case.
        scenario, executable, configuration: ids, `""` for all.
        created: a key of PERIODS, `""` for all.
        sort: a key of SORTS, with "-" before it for the largest first.
        size: rows on a page, one of PAGE_SIZES.
    """

    status: str = ""
    text: str = ""
    scenario: str = ""
    executable: str = ""
    configuration: str = ""
    created: str = ""
    sort: str = NEWEST
    size: int = PAGE_SIZES[0]

    @property
    def is_filtered(self) -> bool:
        return any((self.status, self.text, self.scenario, self.executable, self.configuration, self.created))


@dataclass(frozen=True, kw_only=True)
class DeploymentPage:
    """One page of a list.

    Args:
        rows: the deployments with configuration, scenario and executable loaded.
        counts: status -> number, under all filters but the one by status.
        page: for the links to the other pages.
    """

    rows: Sequence[Deployment]
    counts: Mapping[str, int]
    page: Page[Any]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, kw_only=True)
class Eligibility:
    """Whether one of many chosen deployments can be acted on; `reason` is `""` when it can."""

    deployment: Deployment
    reason: str


def deployment_page(group_id: str, wanted: DeploymentFilter, number: int = 1) -> DeploymentPage:
    """Return one page of the deployments of a resource group, in three queries.

    Args:
        number: the page, from 1; beyond the last it is the last.
    """
    found = _filtered(group_id, wanted)
    counted = found.order_by().values_list("status").annotate(Count("pk"))
    counts = {status.value: 0 for status in Status} | dict(counted)
    ids = found.values_list("pk", flat=True).order_by(*_order(wanted.sort))
    if wanted.status:
        ids = ids.filter(status=wanted.status)
    paginator = _Counted(ids, wanted.size, count=counts[wanted.status] if wanted.status else sum(counts.values()))
    page = paginator.get_page(number)
    shown = list(page.object_list)
    by_id = _with_names(Deployment.objects.filter(pk__in=shown)).in_bulk()
    return DeploymentPage(rows=[by_id[pk] for pk in shown if pk in by_id], counts=counts, page=page)


def all_deployments(group_id: str, wanted: DeploymentFilter) -> Iterator[Deployment]:
    """Yield every deployment that a list would show on all its pages, a few hundred at a time."""
    found = _filtered(group_id, wanted)
    if wanted.status:
        found = found.filter(status=wanted.status)
    return _with_names(found.order_by(*_order(wanted.sort))).iterator(chunk_size=500)


def list_choices() -> tuple[Sequence[Scenario], Sequence[Executable]]:
    """Return what the filters of a list offer."""
    return list(Scenario.objects.only("id", "name")), list(
        Executable.objects.only("id", "name", "version", "scenario_id")
    )


def eligibility_of(group_id: str, ids: Sequence[str], action: Action) -> list[Eligibility]:
    """Return for each chosen deployment that exists whether the action is allowed, in the order given."""
    found = _with_names(Deployment.objects.filter(resource_group_id=group_id, pk__in=ids)).in_bulk()
    return [
        Eligibility(
            deployment=found[pk],
            reason=why_not(action, Status(found[pk].status), TargetStatus(found[pk].target_status)),
        )
        for pk in dict.fromkeys(ids)
        if pk in found
    ]


def _filtered(group_id: str, wanted: DeploymentFilter) -> QuerySet[Deployment]:
    """Return the deployments under all filters but the one by status."""
    found = Deployment.objects.filter(resource_group_id=group_id)
    exact = {
        "configuration__scenario": wanted.scenario,
        "configuration__executable": wanted.executable,
    }
    if wanted.configuration:
        pk = _uuid(wanted.configuration)
        found = found.filter(configuration=pk) if pk else found.none()
    found = found.filter(**{column: value for column, value in exact.items() if value})
    if wanted.created:
        found = found.filter(created_at__gte=timezone.now() - PERIODS[wanted.created])
    if wanted.text:
        matches = Q(pk__icontains=wanted.text) | Q(configuration__name__icontains=wanted.text)
        if (pk := _uuid(wanted.text)) is not None:
            matches |= Q(configuration=pk)
        found = found.filter(matches)
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _order(sort: str) -> list[str]:
    name = sort.removeprefix("-")
    sign = "-" if sort.startswith("-") else ""
    columns = [sign + column for column in SORTS[name]]
    return columns if columns[-1].endswith("pk") else [*columns, "pk"]


def _with_names(deployments: QuerySet[Deployment]) -> QuerySet[Deployment]:
    return deployments.select_related("configuration__scenario", "configuration__executable").only(*_SHOWN)


class _Counted(Paginator):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A paginator that is told the number of rows instead of asking the database once more."""

    def __init__(self, rows: QuerySet[Any, Any], size: int, *, count: int) -> None:
        super().__init__(rows, size)
        self._known = count

    @cached_property
    def count(self) -> int:
        return self._known
