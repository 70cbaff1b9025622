"""The audit log: read-only, with filters."""

from __future__ import annotations

from django.contrib import admin

from deployments.admin.base import ReadOnlyAdmin
from deployments.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action", "kind", "object_id", "name", "group", "channel", "address")
    list_filter = ("action", "kind", "channel", "group")
    search_fields = ("actor", "object_id", "name")
    date_hierarchy = "at"
