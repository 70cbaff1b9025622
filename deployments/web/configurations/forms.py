"""The forms of the configuration wizard. Their fields depend on the template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.models import Artifact, Executable
from deployments.operations.configurations import NAME_LIMIT
from deployments.serving_template import MAX_VALUE, Parameter, ServingTemplate, validate_bindings

LONG_VALUE = 60  # characters; a longer one gets a field of several lines
MAX_ENTRY = MAX_VALUE + 1000  # characters that a draft stores: enough to report that the value is too long


class NameForm(forms.Form):
    """Name and template of the configuration."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=NAME_LIMIT,
        help_text=gettext_lazy("Lists show it; it need not be unique."),
        error_messages={"required": gettext_lazy("Give the configuration a name.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def entries(self) -> dict[str, Any]:
        """Return the input, valid or not, by the names of the draft."""
        return {"name": self.data.get("name", "").replace("\0", "")[:MAX_ENTRY]}


class TemplateForm(NameForm):
    """Name and template, with a choice of the template.

    Args:
        executables: the templates to choose from.
    """

    executable = forms.ChoiceField(
        label=gettext_lazy("Deployment template"),
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Choose a deployment template."),
            "invalid_choice": gettext_lazy("This template does not exist any more. Choose another one."),
        },
    )

    def __init__(self, *args: Any, executables: Sequence[Executable], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ChoiceField, self.fields["executable"])
        field.choices = [(executable.pk, executable.name) for executable in executables]
        self.known = {executable.pk for executable in executables}

    def entries(self) -> dict[str, Any]:
        chosen = self.data.get("executable", "")
        return {**super().entries(), "executable": chosen if chosen in self.known else ""}


@dataclass(frozen=True, kw_only=True)
class ParameterField:
    """A parameter with its field; `is_changed` when its value is not the default."""

    parameter: Parameter
    field: BoundField
    is_changed: bool


class ParametersForm(forms.Form):
    """A field for each parameter of a template, validated like the operation does.

    Args:
        values: parameter name -> value, what was entered so far.
    """

    def __init__(
        self, data: Mapping[str, Any] | None, *, template: ServingTemplate, values: Mapping[str, str]
    ) -> None:
        initial = {
            key_of(parameter): values.get(parameter.name, parameter.default or "") for parameter in template.parameters
        }
        super().__init__(data, initial=initial, label_suffix="")
        self.template = template
        several_lines = _several_lines(template)
        for parameter in template.parameters:
            value = initial[key_of(parameter)]
            is_long = parameter.name in several_lines or len(value) > LONG_VALUE or "\n" in value
            self.fields[key_of(parameter)] = forms.CharField(
                label=parameter.name,
                help_text=parameter.description,
                required=False,
                strip=False,
                widget=_widget(parameter, value, is_long=is_long),
            )

    def entries(self) -> dict[str, Any]:
        """Return the input, valid or not, by the names of the draft."""
        return {"parameters": self.values()}

    def values(self) -> dict[str, str]:
        """Return parameter name -> input; a parameter without input and default is missing."""
        entered = {parameter: self.data.get(key_of(parameter), "") for parameter in self.template.parameters}
        return {
            parameter.name: value.replace("\r\n", "\n").replace("\0", "")[:MAX_ENTRY]
            for parameter, value in entered.items()
            if value or parameter.default is not None
        }

    def clean(self) -> dict[str, Any]:
        """Add the problems of the values to their fields; artifacts are selected later."""
        slots = {slot.name: ("", slot.kind) for slot in self.template.artifacts}
        problems = validate_bindings(self.template, parameters=self.values(), artifacts=slots)
        for name, sentence in problems.items():
            self.add_error(name if name in self.fields else None, sentence)
        return self.cleaned_data

    def rows(self) -> Iterator[ParameterField]:
        """Yield each parameter with its field."""
        for parameter in self.template.parameters:
            field = self[key_of(parameter)]
            value = str(field.value() or "").replace("\r\n", "\n")
            yield ParameterField(parameter=parameter, field=field, is_changed=value != (parameter.default or ""))


class InputsForm(forms.Form):
    """A choice for each input artifact of a template.

    Args:
        choices: input name -> the artifacts that fit it.
        values: input name -> id of the artifact chosen so far.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        template: ServingTemplate,
        choices: Mapping[str, Sequence[Artifact]],
        values: Mapping[str, str],
    ) -> None:
        super().__init__(data, label_suffix="")
        self.template = template
        self.known = {name: {str(artifact.pk) for artifact in fitting} for name, fitting in choices.items()}
        for slot in template.artifacts:
            fitting = [(str(artifact.pk), _described(artifact)) for artifact in choices[slot.name]]
            self.fields[f"artifacts.{slot.name}"] = forms.ChoiceField(
                label=slot.name,
                help_text=slot.description,
                choices=[("", _("Choose an artifact")), *fitting],
                initial=values.get(slot.name, ""),
                error_messages={
                    "required": _("Choose an artifact for “%(name)s”.") % {"name": slot.name},
                    "invalid_choice": _("This artifact does not exist any more. Choose another one."),
                },
            )

    def entries(self) -> dict[str, Any]:
        """Return the selection by the names of the draft."""
        chosen = {slot.name: self.data.get(f"artifacts.{slot.name}", "") for slot in self.template.artifacts}
        return {"inputs": {name: pk for name, pk in chosen.items() if pk in self.known[name]}}

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each input artifact with its field."""
        for slot in self.template.artifacts:
            field = self[f"artifacts.{slot.name}"]
            yield {"slot": slot, "field": field, "is_empty": not self.known[slot.name]}


def key_of(parameter: Parameter) -> str:
    """Return the name of a parameter's field, which operations use for its problem."""
    return f"parameters.{parameter.name}"


def _several_lines(template: ServingTemplate) -> frozenset[str]:
    """Return the parameters that hold JSON, arguments or requirement lines."""
    prefix = "inputs.parameters."
    whole = {line.strip().strip("{}").strip() for line in template.server.requirements}
    requirements = {text.removeprefix(prefix) for text in whole if text.startswith(prefix)}
    return template.server.json_values | template.server.split_arguments | requirements


def _widget(parameter: Parameter, value: str, *, is_long: bool) -> forms.Widget:
    if parameter.type == "boolean":
        known = ["true", "false"]
        shown = [(word, word) for word in known if word != value]
        first = [] if value == "" and parameter.default is not None else [(value, value or _("Choose"))]
        return forms.Select(choices=[*first, *shown])
    if is_long:
        return forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})
    modes = {"integer": "numeric", "number": "decimal"}
    attributes = {"autocomplete": "off", "spellcheck": "false"}
    if parameter.type in modes:
        attributes["inputmode"] = modes[parameter.type]
    return forms.TextInput(attrs=attributes)


def _described(artifact: Artifact) -> str:
    return f"{artifact.name} · {artifact.scenario.name} · {str(artifact.pk)[:8]}"
