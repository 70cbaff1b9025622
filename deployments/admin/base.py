"""The manners of all pages of the admin site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from deployments.admin_site import may_administer
from deployments.models import User

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


class ReadOnlyAdmin(RoleAdmin):
    """Rows that only the loop or the operations write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def person(request: HttpRequest) -> User:
    """Return who uses the site, which lets nobody else in."""
    if not isinstance(request.user, User):
        raise TypeError("The admin site is for people who have signed in.")
    return request.user
