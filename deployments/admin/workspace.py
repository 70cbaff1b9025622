"""Connections, resource groups with their quotas, and secrets as far as they may be seen."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from deployments.admin.base import ReadOnlyAdmin, RoleAdmin
from deployments.models import Connection, ResourceGroup, Secret


@admin.register(Connection)
class ConnectionAdmin(RoleAdmin):
    list_display = ("name", "runtime", "group_count", "created_at")
    list_filter = ("runtime",)
    search_fields = ("name",)
    readonly_fields = ("created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows: QuerySet[Model] = super().get_queryset(request).annotate(groups=Count("resource_groups"))
        return rows

    @admin.display(description=_("resource groups"), ordering="groups")
    def group_count(self, row: Model) -> int:
        return int(getattr(row, "groups", 0))


@admin.register(ResourceGroup)
class ResourceGroupAdmin(RoleAdmin):
    list_display = ("id", "connection", "deployment_count", "deployment_quota", "replica_quota", "created_at")
    list_filter = ("connection",)
    list_select_related = ("connection",)
    search_fields = ("id",)
    readonly_fields = ("created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows: QuerySet[Model] = super().get_queryset(request).annotate(deployment_total=Count("deployments"))
        return rows

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        # What runs in a group runs on its connection: another connection would lose sight of it.
        return ("id", "connection", "created_at") if obj else ("created_at",)

    @admin.display(description=_("deployments"), ordering="deployment_total")
    def deployment_count(self, row: Model) -> int:
        return int(getattr(row, "deployment_total", 0))


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    list_display = ("name", "resource_group", "keys", "created_at", "changed_at")
    list_filter = ("resource_group",)
    list_select_related = ("resource_group",)
    search_fields = ("name",)
    fields = ("name", "resource_group", "keys", "labels", "created_at", "changed_at")
