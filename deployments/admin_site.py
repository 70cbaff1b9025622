"""The admin site and whom it lets in.

It is not in the package `admin`: Django makes the site from this class while it looks there for what registers.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, auth
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from deployments.auth.permissions import may_administer


class LaunchpadAdminSite(admin.AdminSite):
    """The admin site for people with the role of an administrator; they sign in like on all other pages."""

    site_title = _("Launchpad")
    site_header = _("Launchpad administration")
    index_title = _("All objects")
    empty_value_display = "–"

    def has_permission(self, request: HttpRequest) -> bool:
        return may_administer(request.user)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send to the sign-in page; who has signed in already and still comes here may not see the site."""
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next", ""))
        if not self.has_permission(request):
            raise PermissionDenied
        return redirect("admin:index")

    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        auth.logout(request)
        return redirect("sign-in")
