"""The draft of the configuration wizard, and its steps for the selected template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from deployments.models import Configuration, Executable
from deployments.serving_template import ServingTemplate
from deployments.web.shell.drafts import WindowDraft, digest_of

KIND = "configuration"
STEPS: Mapping[str, Promise] = {
    "name": _("Name"),
    "parameters": _("Input parameters"),
    "inputs": _("Input artifacts"),
    "review": _("Review"),
}


@dataclass(frozen=True)
class Entered:
    """The input so far.

    Args:
        executable: id of the template.
        fixed: the template was chosen on the page that the wizard was opened from.
        parameters: parameter name -> value.
        inputs: input name -> id of an artifact.
        onward: key of the draft of the wizard for deployments that this one was opened in, else `""`.
    """

    name: str = ""
    executable: str = ""
    fixed: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    onward: str = ""

    @cached_property
    def chosen(self) -> Executable | None:
        """The template, None when none is selected (or it was deleted)."""
        return Executable.objects.select_related("scenario").filter(pk=self.executable).first()

    @property
    def template(self) -> ServingTemplate | None:
        return self.chosen.template if self.chosen else None

    def basis(self, step: str) -> str:
        """Return a digest of the values that the form of a step is based on."""
        shown = {"name": "", "review": asdict(self)}
        return digest_of([step, shown.get(step, self.executable)])

    def steps(self) -> list[str]:
        """Return the steps for the selected template."""
        skipped = set()
        if self.template is not None:
            skipped |= set() if self.template.parameters else {"parameters"}
            skipped |= set() if self.template.artifacts else {"inputs"}
        return [step for step in STEPS if step not in skipped]


def entered_from(values: Mapping[str, Any]) -> Entered:
    """Return the stored values, empty when there is no draft."""
    return Entered(**{name: value for name, value in values.items() if name in Entered.__dataclass_fields__})


def for_template(entered: Entered, executable: str, *, fixed: bool = False, onward: str = "") -> Entered:
    """Return the input for a template; values for another template are dropped."""
    if entered.executable != executable:
        entered = replace(entered, executable=executable, parameters={}, inputs={})
    return replace(entered, fixed=fixed, onward=onward)


def copy_of(configuration: Configuration) -> Entered:
    """Return the values of a configuration, as the start of another one."""
    return Entered(
        name=configuration.name,
        executable=configuration.executable_id,
        fixed=True,
        parameters=configuration.parameters,
        inputs=configuration.inputs,
    )


def choose_input(window: WindowDraft, executable: str, name: str, artifact_id: str) -> None:
    """Select a newly added artifact for an input, if the draft is still for that template."""
    entered = entered_from(window.load())
    if entered.template is not None and entered.executable == executable:
        window.save(asdict(replace(entered, inputs={**entered.inputs, name: artifact_id})))


def step_marks(entered: Entered, current: str) -> list[dict[str, Any]]:
    """Return the steps for the header of the wizard."""
    steps = entered.steps()
    here = steps.index(current)
    return [
        {"name": step, "label": STEPS[step], "is_done": number < here, "is_current": number == here}
        for number, step in enumerate(steps)
    ]
