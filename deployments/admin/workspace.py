"""Connections, resource groups with their quotas, and secrets without their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from deployments.admin.base import ReadOnlyAdmin, RoleAdmin
from deployments.errors import LaunchpadError
from deployments.messages import render
from deployments.models import Connection, ConnectionOffer, ConnectionStatus, Installation, ResourceGroup, Secret
from deployments.runtimes import registry
from deployments.storage.secrets import encrypt

if TYPE_CHECKING:
    _ConnectionForm = forms.ModelForm[Model]
else:
    _ConnectionForm = forms.ModelForm


class ConnectionForm(_ConnectionForm):
    """The kinds come from the registry. Secrets can be entered, but not read again."""

    new_secrets = forms.JSONField(
        label=_("new secrets"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_('Name and value, e.g. {"token": "…"}; they replace all. Leave it empty to keep what there is.'),
    )

    class Meta:
        model = Connection
        fields = ("name", "kind", "options")
        widgets = {"kind": forms.Select}

    instance: Connection

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            self.fields["kind"] = forms.ChoiceField(label=_("Runtime"), choices=registry.kinds)

    def clean_options(self) -> Any:
        """Treat an empty field as a missing option."""
        return self.cleaned_data["options"] or {}

    def clean_new_secrets(self) -> dict[str, str]:
        secrets = self.cleaned_data["new_secrets"] or {}
        try:
            names = registry.driver_of(self.cleaned_data.get("kind") or self.instance.kind).secret_names
        except LaunchpadError:
            return {}  # the field of the kind reports it
        if not isinstance(secrets, dict) or not all(isinstance(value, str) for value in secrets.values()):
            raise forms.ValidationError(_('Write an object of texts, e.g. {"token": "…"}.'))
        if unknown := secrets.keys() - set(names):
            raise forms.ValidationError(
                _("A connection of this kind has no secret %(names)s.") % {"names": ", ".join(sorted(unknown))}
            )
        return secrets

    def save(self, commit: bool = True) -> Connection:
        if secrets := self.cleaned_data["new_secrets"]:
            self.instance.encrypted = encrypt(secrets)
        super().save(commit)
        return self.instance


@admin.register(Connection)
class ConnectionAdmin(RoleAdmin):
    form = ConnectionForm
    fields = ("name", "kind", "options", "new_secrets", "created_at")
    list_display = ("name", "kind_name", "group_count", "disabled_at", "created_at")
    list_filter = ("kind",)
    search_fields = ("name",)
    readonly_fields = ("created_at",)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        # The kind cannot be changed: a runtime of another kind would not find the running servers.
        return ("kind", "created_at") if obj else ("created_at",)

    @admin.display(description=_("runtime"), ordering="kind")
    def kind_name(self, row: Connection) -> str:
        return row.kind_label

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows: QuerySet[Model] = super().get_queryset(request).annotate(groups=Count("resource_groups"))
        return rows

    @admin.display(description=_("resource groups"), ordering="groups")
    def group_count(self, row: Model) -> int:
        return int(getattr(row, "groups", 0))


@admin.register(ConnectionStatus)
class ConnectionStatusAdmin(ReadOnlyAdmin):
    list_display = ("connection", "contacted_at", "unreachable_since", "why")
    list_select_related = ("connection",)
    readonly_fields = ("why",)

    @admin.display(description=_("why it is not reachable"))
    def why(self, row: ConnectionStatus) -> str:
        return render(row.problem)


@admin.register(ConnectionOffer)
class ConnectionOfferAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "what", "dismissed_at")
    readonly_fields = ("what",)

    @admin.display(description=_("what answers"))
    def what(self, row: ConnectionOffer) -> str:
        return render(row.message)


@admin.register(Installation)
class InstallationAdmin(ReadOnlyAdmin):
    fields = ("id_of_installation",)


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
        # The connection cannot be changed: another one would not find the group's running servers.
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
