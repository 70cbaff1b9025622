"""The forms of the administration: resource groups, users, service keys and secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.models import Connection, ResourceGroup, Role, User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from deployments.web.shell.guards import PageRequest

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}
MAX_LABEL = 5000  # characters


class LabelsField(forms.CharField):
    """Labels as lines of `key=value`; its value is a dict."""

    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Labels"),
            required=False,
            help_text=gettext_lazy("One label a line: key=value."),
            widget=forms.Textarea(attrs={"rows": 3, **_PLAIN}),
        )

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{key}={text}" for key, text in value.items()) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        labels: dict[str, str] = {}
        for line in str(value or "").replace("\0", "").splitlines():
            key, sign, text = line.strip().partition("=")
            if line.strip() and not (sign and key):
                raise forms.ValidationError(_("“%(line)s” is no label. Write key=value.") % {"line": line[:80]})
            if len(key) > 256 or len(text) > MAX_LABEL:
                raise forms.ValidationError(_("A key has at most 256 characters, a value at most 5000."))
            if key:
                labels[key.strip()] = text.strip()
        return labels

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.prepare_value(initial or {}) != data)


def _quota(label: StrOrPromise) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=0,
        max_value=1_000_000,
        help_text=gettext_lazy("Empty: without limit."),
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


class GroupForm(forms.Form):
    """Labels and quotas of a resource group."""

    deployment_quota = _quota(gettext_lazy("Most deployments"))
    replica_quota = _quota(gettext_lazy("Most replicas of a deployment"))
    labels = LabelsField()


class NewGroupForm(GroupForm):
    """The form of a new group, with the fields that cannot be changed later."""

    group = forms.CharField(
        label=gettext_lazy("ID"),
        max_length=253,
        help_text=gettext_lazy("3 to 253 letters, digits, dots and dashes. It cannot be changed later."),
        widget=forms.TextInput(attrs=_PLAIN),
    )
    connection = forms.ModelChoiceField(
        label=gettext_lazy("Connection"),
        queryset=Connection.objects.filter(disabled_at=None),
        empty_label=None,
        help_text=gettext_lazy("Where its deployments run."),
    )
    field_order = ("group", "connection", "deployment_quota", "replica_quota", "labels")


class GroupsMixin(forms.Form):
    """The resource groups that a user or a service key may use."""

    all_groups = forms.BooleanField(label=gettext_lazy("All resource groups"), required=False, initial=True)
    groups = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Only these resource groups"),
        queryset=ResourceGroup.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if not values.get("all_groups") and not values.get("groups") and "groups" not in self.errors:
            self.add_error("groups", _("Choose at least one resource group, or all of them."))
        return values

    def chosen_groups(self) -> Sequence[ResourceGroup] | None:
        """Return the groups, None for all."""
        return None if self.cleaned_data["all_groups"] else list(self.cleaned_data["groups"])


def _role(initial: Role) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=gettext_lazy("Role"),
        choices=Role.choices,
        initial=initial,
        help_text=gettext_lazy(
            "Viewers see. Editors also create, update, stop and delete. Administrators also manage these pages."
        ),
    )


class UserForm(GroupsMixin):
    """Name, role and groups of a user."""

    first_name = forms.CharField(label=gettext_lazy("First name"), required=False, max_length=150)
    last_name = forms.CharField(label=gettext_lazy("Last name"), required=False, max_length=150)
    email = forms.EmailField(label=gettext_lazy("E-mail"), required=False)
    role = _role(Role.VIEWER)
    is_active = forms.BooleanField(label=gettext_lazy("May sign in"), required=False, initial=True)
    field_order = ("username", "first_name", "last_name", "email", "role", "all_groups", "groups", "is_active")

    @staticmethod
    def initial_of(user: User) -> dict[str, Any]:
        names = ("first_name", "last_name", "email", "role", "all_groups", "is_active")
        return {name: getattr(user, name) for name in names} | {"groups": user.resource_groups.all()}


class NewUserForm(UserForm):
    """The form of a new user, with the user name."""

    username = forms.CharField(
        label=gettext_lazy("User name"),
        max_length=150,
        help_text=gettext_lazy("To sign in with. It cannot be changed later."),
        widget=forms.TextInput(attrs={**_PLAIN, "autocapitalize": "none"}),
    )


class KeyForm(GroupsMixin):
    """The form of a new service key."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=128,
        help_text=gettext_lazy("Which program uses it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    role = _role(Role.EDITOR)
    expires_at = forms.DateTimeField(
        label=gettext_lazy("Expires on"),
        required=False,
        help_text=gettext_lazy("Empty: it counts until it is revoked."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    field_order = ("name", "role", "all_groups", "groups", "expires_at")


class SecretForm(forms.Form):
    """Name and resource group of a new secret; only who may see all groups may make one for all of them."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=252,
        help_text=gettext_lazy("Small letters, digits, dots and dashes; templates name it in secretKeyRef."),
        widget=forms.TextInput(attrs=_PLAIN),
    )
    group = forms.ChoiceField(
        label=gettext_lazy("Resource group"),
        required=False,
        help_text=gettext_lazy("A group's own secret goes before one of the same name for all groups."),
    )

    def __init__(self, request: PageRequest) -> None:
        super().__init__(request.POST or None, initial={"group": request.group.pk})
        self._groups = {group.pk: group for group in request.workspace.groups}
        choices = [("", _("All resource groups"))] if request.actor.groups is None else []
        field = self.fields["group"]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices + [(pk, pk) for pk in self._groups]

    @property
    def resource_group(self) -> ResourceGroup | None:
        """The chosen one, None for all."""
        return self._groups.get(self.cleaned_data["group"])


class RegistryForm(forms.Form):
    """What opens one container registry."""

    registry = forms.CharField(
        label=gettext_lazy("Registry"),
        max_length=500,
        help_text=gettext_lazy("Its address as images begin with it, e.g. registry.example or registry.example:5000."),
        widget=forms.TextInput(attrs={**_PLAIN, "autocapitalize": "none"}),
    )
    user = forms.CharField(
        label=gettext_lazy("User"),
        max_length=500,
        widget=forms.TextInput(attrs={**_PLAIN, "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password or access token"),
        max_length=10_000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_registry(self) -> str:
        registry = str(self.cleaned_data["registry"])
        if any(character.isspace() for character in registry):
            raise forms.ValidationError(_("The address of a registry has no spaces."))
        return registry

    def clean_user(self) -> str:
        user = str(self.cleaned_data["user"])
        if ":" in user:
            raise forms.ValidationError(_("A user name has no colon: it parts the user from the password."))
        return user


class NewRegistryForm(RegistryForm, SecretForm):
    """Name and group of a new secret, and the credentials that it holds."""

    field_order = ("name", "group", "registry", "user", "password")

    def __init__(self, request: PageRequest) -> None:
        super().__init__(request)
        self.fields["name"].help_text = _("Small letters, digits, dots and dashes; templates name it.")


class ValueForm(forms.Form):
    """One key of a secret with its value."""

    key = forms.CharField(label=gettext_lazy("Key"), required=False, max_length=253, widget=forms.TextInput(_PLAIN))
    value = forms.CharField(
        label=gettext_lazy("Value"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 1, **_PLAIN}),
    )

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if values.get("value") and not values.get("key"):
            self.add_error("key", _("Give the value a key."))
        return values


ValueForms = forms.formset_factory(ValueForm, extra=0)
ROWS = 3  # empty rows of a new form


def value_forms(data: Mapping[str, Any] | None, *, keys: Sequence[str] = (), more: bool = False) -> Any:
    """Return the formset of keys and values.

    Args:
        keys: those of the secret; their values are not shown.
        more: whether to add empty rows to `data` instead of validating it.
    """
    if data is None:
        return ValueForms(initial=[{"key": key} for key in keys] or [{} for _row in range(ROWS)])
    if more:
        bound = ValueForms(data)
        entries = [{name: row[name].value() or "" for name in ("key", "value")} for row in bound]
        return ValueForms(initial=[*entries, *({} for _row in range(ROWS))])
    return ValueForms(data)


def values_in(rows: Any) -> dict[str, str]:
    """Return key -> value of the rows with a key, with line ends of Unix."""
    entries = [row.cleaned_data for row in rows]
    return {entry["key"]: entry["value"].replace("\r\n", "\n") for entry in entries if entry.get("key")}
