"""Users with their roles, service keys, sign-in links, and what people are in the middle of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from deployments.admin.base import ReadOnlyAdmin, RoleAdmin
from deployments.admin_site import may_administer
from deployments.models import Draft, SavedView, SignInLink, User

if TYPE_CHECKING:
    PersonAdmin = DjangoUserAdmin[User]
else:
    PersonAdmin = DjangoUserAdmin

admin.site.unregister(Group)  # people have roles here


@admin.register(User)
class UserAdmin(RoleAdmin, PersonAdmin):
    """People. A sign-in link lets somebody in who has no password (any more)."""

    change_form_template = "admin/user.html"
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

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(require_POST(self.issue_link))
        return [path("<int:pk>/sign-in-link/", page, name="deployments_user_link"), *super().get_urls()]

    def issue_link(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a sign-in link for somebody and show it, this once."""
        user = self.get_object(request, str(pk))
        if not isinstance(user, User):
            raise Http404
        if not user.is_active:
            raise PermissionDenied
        link = request.build_absolute_uri(reverse("sign-in-link", args=[SignInLink.issue(user)]))
        self.log_change(request, user, "Sign-in link issued.")
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("Sign-in link for %(name)s") % {"name": user},
            "opts": self.opts,
            "original": user,
            "link": link,
        }
        return TemplateResponse(request, "admin/sign_in_link.html", context)


@admin.register(SignInLink)
class SignInLinkAdmin(ReadOnlyAdmin):
    list_display = ("user", "expires_at", "used_at")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = ("user", "expires_at", "used_at")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_administer(request.user)


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
