"""Lists of deployments: filters, counts by status and one page of rows, with a constant number of queries.

A resource group may have ten thousand deployments, so a page is read in two steps: first the sorted ids of its rows,
then these rows with their related rows. So the database never sorts whole rows.
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
from deployments.queries.filters import filtered

PAGE_SIZES = (25, 50, 100)
# Name in the URL -> columns; "-" before the name reverses the order.
SORTS: Mapping[str, tuple[str, ...]] = {
    "id": ("pk",),
    "scenario": ("configuration__scenario__name", "configuration__executable__name"),
    "status": ("status",),
    "target": ("target_status",),
    "created": ("created_at",),
    "changed": ("changed_at",),
}
NEWEST = "-created"
# Columns that a user may choose, in their order; id and status are always shown.
COLUMNS = ("scenario", "target", "created", "changed", "until", "creator")
DEFAULT_COLUMNS = ("scenario", "target", "created", "changed")
# The columns of a row. Without this each row would load the whole text of its template.
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
        """The sort order for the URL, `""` for the default."""
        return "" if self.sort == NEWEST else self.sort

    @property
    def size_if_chosen(self) -> int:
        """The page size for the URL, 0 for the default."""
        return 0 if self.size == PAGE_SIZES[0] else self.size


@dataclass(frozen=True, kw_only=True)
class DeploymentPage:
    """One page of a list.

    Args:
        rows: the deployments with configuration, scenario and executable loaded.
        counts: status -> number, with all filters except the one by status.
        page: Django's page object, for the links to other pages.
    """

    rows: Sequence[Deployment]
    counts: Mapping[str, int]
    page: Page[Any]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, kw_only=True)
class Eligibility:
    """Whether an action is allowed for one of several chosen deployments; `reason` is `""` when it is."""

    deployment: Deployment
    reason: str


def deployment_page(group_id: str, selection: DeploymentFilter, number: int = 1) -> DeploymentPage:
    """Return one page of the deployments of a resource group, in three queries.

    Args:
        number: of the page, from 1; numbers beyond the last page mean the last.
    """
    rows = _filtered(group_id, selection)
    status_counts = rows.order_by().values_list("status").annotate(Count("pk"))
    counts = {status.value: 0 for status in Status} | dict(status_counts)
    ids = rows.values_list("pk", flat=True).order_by(*_order(selection.sort))
    if selection.status:
        ids = ids.filter(status=selection.status)
    paginator = _CountedPaginator(
        ids, selection.size, count=counts[selection.status] if selection.status else sum(counts.values())
    )
    page = paginator.get_page(number)
    page_ids = list(page.object_list)
    by_id = _with_names(Deployment.objects.filter(pk__in=page_ids)).in_bulk()
    return DeploymentPage(rows=[by_id[pk] for pk in page_ids if pk in by_id], counts=counts, page=page)


def all_deployments(group_id: str, selection: DeploymentFilter) -> Iterator[Deployment]:
    """Yield the deployments of all pages of a list, read from the database in chunks."""
    rows = _filtered(group_id, selection)
    if selection.status:
        rows = rows.filter(status=selection.status)
    return _with_names(rows.order_by(*_order(selection.sort))).iterator(chunk_size=500)


def eligibility_of(group_id: str, ids: Sequence[str], action: Action) -> list[Eligibility]:
    """Return whether the action is allowed for each existing deployment of `ids`, in their order."""
    by_id = _with_names(Deployment.objects.filter(resource_group_id=group_id, pk__in=ids)).in_bulk()
    return [
        Eligibility(
            deployment=by_id[pk],
            reason=why_not(action, Status(by_id[pk].status), TargetStatus(by_id[pk].target_status)),
        )
        for pk in dict.fromkeys(ids)
        if pk in by_id
    ]


def _filtered(group_id: str, selection: DeploymentFilter) -> QuerySet[Deployment]:
    """Return the deployments with all filters except the one by status."""
    others = (declared for declared in FILTERS if declared is not STATUS)
    return filtered(Deployment.objects.filter(resource_group_id=group_id), others, selection.values)


def _order(sort: str) -> list[str]:
    name = sort.removeprefix("-")
    sign = "-" if sort.startswith("-") else ""
    columns = [sign + column for column in SORTS[name]]
    return columns if columns[-1].endswith("pk") else [*columns, "pk"]


def _with_names(deployments: QuerySet[Deployment]) -> QuerySet[Deployment]:
    return deployments.select_related("configuration__scenario", "configuration__executable").only(*_SHOWN)


class _CountedPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A paginator with a known number of rows, which saves a query."""

    def __init__(self, rows: QuerySet[Any, Any], size: int, *, count: int) -> None:
        super().__init__(rows, size)
        self._count = count

    @cached_property
    def count(self) -> int:
        return self._count
