"""Users with their roles, sign-in links, token grants and drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from deployments.admin.base import ReadOnlyAdmin, RoleAdmin
from deployments.auth.permissions import may_administer
from deployments.models import Draft, SavedView, SignInLink, TokenGrant, User

if TYPE_CHECKING:
    PersonAdmin = DjangoUserAdmin[User]
else:
    PersonAdmin = DjangoUserAdmin

admin.site.unregister(Group)  # users have roles instead


@admin.register(User)
class UserAdmin(RoleAdmin, PersonAdmin):
    """Users with all their columns."""

    list_display = ("username", "role", "all_groups", "is_superuser", "is_active", "last_login")
    list_filter = ("role", "is_active", "resource_groups")
    filter_horizontal = ("resource_groups",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password", "is_active")}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name", "email")}),
        (
            gettext_lazy("Access"),
            {
                "fields": ("role", "is_superuser", "all_groups", "resource_groups"),
                "description": gettext_lazy(
                    "An administrator needs all resource groups to use this site. "
                    "A superuser is an administrator of everything."
                ),
            },
        ),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2")}),
        (gettext_lazy("Access"), {"fields": ("role", "all_groups", "resource_groups")}),
    )


@admin.register(SignInLink)
class SignInLinkAdmin(ReadOnlyAdmin):
    list_display = ("user", "expires_at", "used_at")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = ("user", "expires_at", "used_at")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_administer(request.user)


@admin.register(TokenGrant)
class TokenGrantAdmin(ReadOnlyAdmin):
    """The grants of access tokens that may still be in use."""

    list_display = ("subject", "client_id", "role", "groups", "expires_at")
    list_filter = ("role",)
    search_fields = ("subject", "client_id")
    ordering = ("subject", "-expires_at")


@admin.register(Draft)
class DraftAdmin(ReadOnlyAdmin):
    list_display = ("user", "kind", "resource_group", "changed_at")
    list_filter = ("kind", "resource_group")
    list_select_related = ("user", "resource_group")
    search_fields = ("user__username",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_administer(request.user)


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    list_display = ("name", "user", "query")
    list_filter = ("user",)
    list_select_related = ("user",)
    search_fields = ("name", "user__username")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_administer(request.user)
