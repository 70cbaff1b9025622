"""The audit log: to be read, filtered and exported, never changed."""

from __future__ import annotations

import json
from itertools import chain

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy

from deployments.admin.base import ReadOnlyAdmin
from deployments.csv_download import csv_response
from deployments.models import AuditEntry

COLUMNS = ("at", "actor", "action", "kind", "object_id", "name", "group", "before", "after", "channel", "address")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action", "kind", "object_id", "name", "group", "channel", "address")
    list_filter = ("action", "kind", "channel", "group")
    search_fields = ("actor", "object_id", "name")
    date_hierarchy = "at"
    actions = ("export",)

    @admin.action(description=gettext_lazy("Download the chosen entries as CSV"))
    def export(self, request: HttpRequest, entries: QuerySet[AuditEntry]) -> HttpResponseBase:
        rows = ([_cell(entry, name) for name in COLUMNS] for entry in entries.iterator(chunk_size=1000))
        return csv_response("audit-log", chain([list(COLUMNS)], rows))


def _cell(entry: AuditEntry, name: str) -> str:
    value = getattr(entry, name)
    if value is None:
        return ""
    if name == "at":
        return str(value.isoformat(timespec="seconds"))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
