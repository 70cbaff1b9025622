"""Configurations, which are immutable, and artifacts, whose files are added and removed on their own pages."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from deployments.admin.base import ReadOnlyAdmin, RoleAdmin
from deployments.auth.permissions import may_administer
from deployments.models import Artifact, Configuration


@admin.register(Configuration)
class ConfigurationAdmin(ReadOnlyAdmin):
    list_display = ("name", "id", "resource_group", "scenario", "executable", "created_at", "created_by")
    list_filter = ("resource_group", "scenario", "executable")
    list_select_related = ("resource_group", "scenario", "executable", "created_by")
    search_fields = ("name", "id")
    date_hierarchy = "created_at"

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_administer(request.user)


@admin.register(Artifact)
class ArtifactAdmin(RoleAdmin):
    list_display = ("name", "id", "kind", "resource_group", "scenario", "size", "created_at", "created_by")
    list_filter = ("kind", "resource_group", "scenario")
    list_select_related = ("resource_group", "scenario", "created_by")
    search_fields = ("name", "id", "url")
    date_hierarchy = "created_at"
    fields = (
        "id",
        "name",
        "kind",
        "resource_group",
        "scenario",
        "description",
        "labels",
        "url",
        "size",
        "sha256",
        "created_at",
        "changed_at",
        "created_by",
    )
    # Location and what it is stay as they were checked when it was added.
    readonly_fields = tuple(name for name in fields if name not in {"name", "description", "labels"})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
