"""Lists of deployments: filters, counts by status, one page of rows, with a constant number of queries.

A resource group may have ten thousand deployments, so a page is read in two steps: first the ids of its rows in their
order, then these rows with what they refer to. Sorting never carries whole rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet

from deployments.lifecycle import Action, Status, TargetStatus, why_not
from deployments.models import Deployment
from deployments.queries.deployment_filters import FILTERS, STATUS
from deployments.queries.filters import narrowed

PAGE_SIZES = (25, 50, 100)
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
    "status_severity",
    "reason",
    "params",
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
        values: name of a filter -> value, `""` for all (see `deployment_filters.FILTERS`).
        sort: a key of SORTS, with "-" before it for the largest first.
        size: rows on a page, one of PAGE_SIZES.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    sort: str = NEWEST
    size: int = PAGE_SIZES[0]

    @property
    def status(self) -> str:
        return self.values.get(STATUS.name, "")

    @property
    def is_filtered(self) -> bool:
        return any(self.values.values())

    @property
    def sort_if_chosen(self) -> str:
        """The sort as the address says it, `""` for the usual one."""
        return "" if self.sort == NEWEST else self.sort

    @property
    def size_if_chosen(self) -> int:
        """The rows on a page as the address says them, 0 for the usual number."""
        return 0 if self.size == PAGE_SIZES[0] else self.size


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


def deployment_page(group_id: str, selection: DeploymentFilter, number: int = 1) -> DeploymentPage:
    """Return one page of the deployments of a resource group, in three queries.

    Args:
        number: the page, from 1; beyond the last it is the last.
    """
    found = _filtered(group_id, selection)
    counted = found.order_by().values_list("status").annotate(Count("pk"))
    counts = {status.value: 0 for status in Status} | dict(counted)
    ids = found.values_list("pk", flat=True).order_by(*_order(selection.sort))
    if selection.status:
        ids = ids.filter(status=selection.status)
    paginator = _Counted(
        ids, selection.size, count=counts[selection.status] if selection.status else sum(counts.values())
    )
    page = paginator.get_page(number)
    shown = list(page.object_list)
    by_id = _with_names(Deployment.objects.filter(pk__in=shown)).in_bulk()
    return DeploymentPage(rows=[by_id[pk] for pk in shown if pk in by_id], counts=counts, page=page)


def all_deployments(group_id: str, selection: DeploymentFilter) -> Iterator[Deployment]:
    """Yield every deployment that a list would show on all its pages, a few hundred at a time."""
    found = _filtered(group_id, selection)
    if selection.status:
        found = found.filter(status=selection.status)
    return _with_names(found.order_by(*_order(selection.sort))).iterator(chunk_size=500)


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


def _filtered(group_id: str, selection: DeploymentFilter) -> QuerySet[Deployment]:
    """Return the deployments under all filters but the one by status."""
    others = (one for one in FILTERS if one is not STATUS)
    return narrowed(Deployment.objects.filter(resource_group_id=group_id), others, selection.values)


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
