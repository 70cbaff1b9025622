"""The audit log: page, filters and download."""

from __future__ import annotations

import json
from collections.abc import Iterator

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from deployments.models import AuditEntry
from deployments.queries.audit_log import FILTERS, audit_entries
from deployments.queries.csv_download import csv_response
from deployments.queries.filters import fields_of, values_from
from deployments.web.shell.guards import PageRequest, administrator_required
from deployments.web.shell.paging import page_of

COLUMNS = ("at", "actor", "action", "kind", "object_id", "name", "group", "before", "after", "channel", "address")
PAGE_SIZE = 50  # rows


@require_GET
@administrator_required
def audit_log(request: PageRequest) -> HttpResponse:
    values = values_from(FILTERS, request.GET)
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "title": pgettext("page", "Audit Log"),
        "page": page_of(request, audit_entries(request.actor, values), PAGE_SIZE),
        "is_filtered": any(values.values()),
        "fields": fields_of(FILTERS, values),
        "query": query.urlencode(),
    }
    return render(request, "administration/audit_log.html", context)


@require_GET
@administrator_required
def audit_download(request: PageRequest) -> HttpResponseBase:
    """Download the filtered entries as a stream of any length."""
    entries = audit_entries(request.actor, values_from(FILTERS, request.GET))
    return csv_response(f"audit-log-{timezone.localtime():%Y-%m-%d}", _rows(entries))


def _rows(entries: QuerySet[AuditEntry]) -> Iterator[list[str]]:
    yield list(COLUMNS)
    for entry in entries.iterator(chunk_size=1000):
        yield [_cell(entry, name) for name in COLUMNS]


def _cell(entry: AuditEntry, name: str) -> str:
    value = getattr(entry, name)
    if value is None:
        return ""
    if name == "at":
        return str(value.isoformat(timespec="seconds"))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
