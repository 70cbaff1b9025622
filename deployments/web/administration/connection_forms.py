"""The form of a connection, made of what its kind says of its options."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.runtimes.base import OptionField, OptionType
from deployments.runtimes.kind import Driver

_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
_ROWS = 4


class ConnectionForm(forms.Form):
    """Name, options and secrets of a connection.

    Args:
        driver: of its kind.
        stored_secrets: names of the secrets that it has; those may be left empty, and are kept then.
        initial_options: those that it has; of a new one, the defaults of its kind.
    """

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=64,
        help_text=gettext_lazy("Letters, digits, dashes and underscores. Pages and resource groups show it."),
        widget=forms.TextInput(attrs=_PLAIN),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        driver: Driver,
        name: str = "",
        initial_options: Mapping[str, Any] | None = None,
        stored_secrets: Collection[str] = (),
    ) -> None:
        super().__init__(data, initial={"name": name})
        self._driver = driver
        self._stored = frozenset(stored_secrets)
        for option in driver.option_fields:
            if option.type is OptionType.SECRET:
                self._add_secret(option)
            else:
                field = _FIELDS[option.type](option)
                given = option.default if initial_options is None else initial_options.get(option.name)
                field.initial = "\n".join(map(str, given)) if isinstance(given, list | tuple) else given
                self.fields[f"option-{option.name}"] = field

    def _add_secret(self, option: OptionField) -> None:
        is_stored = option.name in self._stored
        field = _text_field(option, required=option.required and not is_stored, is_secret=True)
        if is_stored:
            field.help_text = f"{option.help} {_('Stored, and never shown. Empty: it is kept.')}".strip()
        self.fields[f"option-{option.name}"] = field
        if is_stored and not option.required:
            label = _("Remove the stored value of “%(label)s”") % {"label": option.label}
            self.fields[f"remove-{option.name}"] = forms.BooleanField(label=label, required=False)

    def options(self) -> dict[str, Any]:
        """Return the options that are not empty."""
        values = {
            option.name: self.cleaned_data[f"option-{option.name}"]
            for option in self._driver.option_fields
            if option.type is not OptionType.SECRET
        }
        return {name: value for name, value in values.items() if value not in (None, "", [])}

    def secrets(self) -> dict[str, str | None]:
        """Return the secrets that were entered, and None for those to remove."""
        secrets: dict[str, str | None] = {}
        for name in self._driver.secret_names:
            if text := self.cleaned_data[f"option-{name}"]:
                secrets[name] = text.replace("\r\n", "\n")
            elif self.cleaned_data.get(f"remove-{name}"):
                secrets[name] = None
        return secrets

    def problems(self) -> list[str]:
        """Return what is wrong as sentences that name their fields, for where the fields are not shown again."""
        texts = {name: " ".join(map(str, errors)) for name, errors in self.errors.items()}
        return [text if name == NON_FIELD_ERRORS else f"{self[name].label}: {text}" for name, text in texts.items()]


class _LinesField(forms.CharField):
    """A list of texts, one a line."""

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").replace("\0", "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value


class _AmountField(forms.FloatField):
    """A number that is stored without decimals where it has none."""

    def to_python(self, value: Any) -> Any:
        number = super().to_python(value)
        return int(number) if number is not None and number == int(number) else number


def _text_field(option: OptionField, *, required: bool, is_secret: bool = False) -> forms.CharField:
    widget: forms.Widget = forms.TextInput(attrs=_PLAIN)
    if option.is_multiline:
        widget = forms.Textarea(attrs={"rows": _ROWS, **_PLAIN})
    elif is_secret:
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(
        label=option.label, help_text=option.help, required=required, strip=not is_secret, widget=widget
    )


def _text(option: OptionField) -> forms.Field:
    return _text_field(option, required=option.required)


def _number(option: OptionField) -> forms.Field:
    kind: type[forms.Field] = forms.IntegerField if option.is_whole else _AmountField
    attrs = {"inputmode": "numeric", "autocomplete": "off"}
    if not option.is_whole:
        attrs |= {"inputmode": "decimal", "step": "any"}
    more: dict[str, Any] = {} if option.minimum is None else {"min_value": option.minimum}
    return kind(
        label=option.label,
        help_text=option.help,
        required=option.required,
        widget=forms.NumberInput(attrs=attrs),
        **more,
    )


def _choice(option: OptionField) -> forms.Field:
    return forms.ChoiceField(
        label=option.label, help_text=option.help, required=option.required, choices=option.choices
    )


def _list(option: OptionField) -> forms.Field:
    return _LinesField(
        label=option.label,
        help_text=option.help,
        required=option.required,
        widget=forms.Textarea(attrs={"rows": _ROWS, **_PLAIN}),
    )


_FIELDS = {OptionType.TEXT: _text, OptionType.NUMBER: _number, OptionType.CHOICE: _choice, OptionType.LIST: _list}
