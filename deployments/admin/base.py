"""The common behaviour of all pages of the admin site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from deployments.auth.permissions import may_administer
from deployments.models import User
from deployments.operations.audit import record

if TYPE_CHECKING:
    RowAdmin = admin.ModelAdmin[Model]
else:
    RowAdmin = admin.ModelAdmin


class RoleAdmin(RowAdmin):
    """Rows that administrators may add, change and delete. Roles replace Django's own permissions."""

    list_per_page = 50
    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_administer(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_administer(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may_administer(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_administer(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_administer(request.user)

    # Changes by the site itself; operations record their own.

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        self._record(request, "create", obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        self._record(request, "update", obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Model]) -> Any:
        for row in queryset:
            self._record(request, "delete", row, None)
        return super().log_deletions(request, queryset)

    def _record(self, request: HttpRequest, action: str, obj: Model, message: Any) -> None:
        """`message` is the site's description of the change: which fields, never their values."""
        record(person(request).get_username(), action, obj, after={"changed": message} if message else None)


class ReadOnlyAdmin(RoleAdmin):
    """Rows that only the reconciler or the operations write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def person(request: HttpRequest) -> User:
    """Return the user of the site, which requires sign-in."""
    if not isinstance(request.user, User):
        raise TypeError("The admin site is for people who have signed in.")
    return request.user
