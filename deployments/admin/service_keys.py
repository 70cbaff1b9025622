"""Service keys (read-only) and the signing key of access tokens; keys are issued and revoked on their own pages."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from deployments.admin.base import ReadOnlyAdmin, person
from deployments.models import ServiceKey
from deployments.operations.service_keys import revoke_service_key, rotate_signing_key


@admin.register(ServiceKey)
class ServiceKeyAdmin(ReadOnlyAdmin):
    list_display = ("name", "client_id", "role", "all_groups", "is_usable", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("role", "resource_groups")
    search_fields = ("name", "client_id")
    fields = ("name", "client_id", "role", "all_groups", "resource_groups", "expires_at", "revoked_at", "created_at")
    actions = ("revoke",)

    @admin.display(description=gettext_lazy("usable"), boolean=True)
    def is_usable(self, key: ServiceKey) -> bool:
        return key.is_usable

    @admin.action(description=gettext_lazy("Revoke the chosen keys for good"))
    def revoke(self, request: HttpRequest, keys: QuerySet[ServiceKey]) -> None:
        open_keys = list(keys.filter(revoked_at=None))
        for key in open_keys:
            revoke_service_key(person(request).actor(), key)
        sentence = ngettext("%(number)s key was revoked.", "%(number)s keys were revoked.", len(open_keys))
        messages.success(request, sentence % {"number": len(open_keys)})

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.rotate_signing_key)
        return [path("rotate/", page, name="deployments_servicekey_rotate"), *super().get_urls()]

    def rotate_signing_key(self, request: HttpRequest) -> HttpResponse:
        """Rotate the signing key after a confirmation; tokens signed before stay valid until they expire."""
        if request.method == "POST":
            kid = rotate_signing_key(person(request).actor())
            messages.success(request, _("Tokens are signed by a new key now: %(id)s.") % {"id": kid})
            return redirect("admin:deployments_servicekey_changelist")
        context = {**self.admin_site.each_context(request), "title": _("Rotate the signing key"), "opts": self.opts}
        return TemplateResponse(request, "admin/rotate_signing_key.html", context)
