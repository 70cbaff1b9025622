"""Service keys: issued with a secret that is shown once, and revoked rather than deleted.

A deleted key could not be told to the gateway as revoked any more, and its tokens would live on until they end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from deployments.admin.base import RoleAdmin, person
from deployments.models import Role, ServiceKey
from deployments.operations.service_keys import issue_service_key, revoke_service_key, rotate_signing_key

if TYPE_CHECKING:
    KeyForm = forms.ModelForm[ServiceKey]
else:
    KeyForm = forms.ModelForm


class ServiceKeyForm(KeyForm):
    """Asks for a name, and for an end that has not been yet."""

    name = forms.CharField(max_length=128, help_text=gettext_lazy("Which program uses it."))

    def clean_expires_at(self) -> Any:
        """Refuse a time that is over."""
        expires_at = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise forms.ValidationError(_("This time is over already. Choose a later one, or leave it empty."))
        return expires_at


@admin.register(ServiceKey)
class ServiceKeyAdmin(RoleAdmin):
    form = ServiceKeyForm  # type: ignore[assignment]
    list_display = ("name", "client_id", "role", "all_groups", "is_usable", "created_at", "expires_at", "revoked_at")
    list_filter = ("role", "resource_groups")
    search_fields = ("name", "client_id")
    filter_horizontal = ("resource_groups",)
    fields = ("name", "client_id", "role", "all_groups", "resource_groups", "expires_at", "revoked_at", "created_at")
    readonly_fields = ("client_id", "revoked_at", "created_at")
    actions = ("revoke",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return self.fields if obj else ("name", "role", "all_groups", "resource_groups", "expires_at")

    @admin.display(description=gettext_lazy("usable"), boolean=True)
    def is_usable(self, key: ServiceKey) -> bool:
        return key.is_usable

    @admin.action(description=gettext_lazy("Revoke the chosen keys for good"))
    def revoke(self, request: HttpRequest, keys: QuerySet[ServiceKey]) -> None:
        open_keys = list(keys.filter(revoked_at=None))
        for key in open_keys:
            revoke_service_key(person(request).actor(), key)
            self.log_change(request, key, "Revoked.")
        told = ngettext("%(number)s key was revoked.", "%(number)s keys were revoked.", len(open_keys))
        messages.success(request, told % {"number": len(open_keys)})

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.rotate_signing_key)
        return [path("rotate/", page, name="deployments_servicekey_rotate"), *super().get_urls()]

    def rotate_signing_key(self, request: HttpRequest) -> HttpResponse:
        """Ask first, then let a new key sign tokens; those signed before stay valid until they end."""
        if request.method == "POST":
            kid = rotate_signing_key(person(request).actor())
            messages.success(request, _("Tokens are signed by a new key now: %(id)s.") % {"id": kid})
            return redirect("admin:deployments_servicekey_changelist")
        context = {**self.admin_site.each_context(request), "title": _("Rotate the signing key"), "opts": self.opts}
        return TemplateResponse(request, "admin/rotate_signing_key.html", context)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Issue a new key; the secret goes to the page that answers, and nowhere else."""
        if change or not isinstance(obj, ServiceKey):
            super().save_model(request, obj, form, change)
            return
        values = form.cleaned_data
        issued = issue_service_key(
            person(request).actor(),
            name=values["name"],
            role=Role(values["role"]),
            groups=None if values["all_groups"] else list(values["resource_groups"]),
            expires_at=values["expires_at"],
        )
        obj.pk = issued.key.pk
        obj.refresh_from_db()
        request.issued_secret = issued.secret  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Model, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret, this once."""
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("Service key %(name)s") % {"name": obj},
            "opts": self.opts,
            "key": obj,
            "secret": request.issued_secret,  # type: ignore[attr-defined]
        }
        return TemplateResponse(request, "admin/service_key.html", context)
