"""The audit log: read, filtered and downloaded."""

from __future__ import annotations

import json
from collections.abc import Iterator

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from deployments.models import AuditEntry, ResourceGroup, kind_name
from deployments.queries import administration
from deployments.queries.administration import AuditFilter
from deployments.queries.csv_download import csv_response
from deployments.queries.filters import PERIOD_LABELS
from deployments.web.shell.guards import PageRequest, administrator_required
from deployments.web.shell.paging import page_of, text_of

COLUMNS = ("at", "actor", "action", "kind", "object_id", "name", "group", "before", "after", "channel", "address")
CHANNELS = ("page", "api", "admin", "command")
PAGE_SIZE = 50  # rows


@require_GET
@administrator_required
def audit_log(request: PageRequest) -> HttpResponse:
    wanted = _wanted(request)
    kept = request.GET.copy()
    kept.pop("page", None)
    actions, kinds = administration.audit_words(request.actor)
    context = {
        "title": pgettext("page", "Audit Log"),
        "page": page_of(request, administration.audit_entries(request.actor, wanted), PAGE_SIZE),
        "is_filtered": bool(request.GET),
        "wanted": wanted,
        "query": kept.urlencode(),
        "choices": {"action": actions, "kind": [(kind, kind_name(kind)) for kind in kinds], "channel": CHANNELS},
        "periods": PERIOD_LABELS,
        "groups": ResourceGroup.objects.values_list("pk", flat=True),
    }
    return render(request, "administration/audit_log.html", context)


@require_GET
@administrator_required
def audit_download(request: PageRequest) -> HttpResponseBase:
    """Download what the filters let through, as a stream of any length."""
    entries = administration.audit_entries(request.actor, _wanted(request))
    return csv_response(f"audit-log-{timezone.localtime():%Y-%m-%d}", _rows(entries))


def _wanted(request: HttpRequest) -> AuditFilter:
    names = ("action", "kind", "channel", "group", "period")
    return AuditFilter(text=text_of(request, "q"), **{name: text_of(request, name) for name in names})


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
