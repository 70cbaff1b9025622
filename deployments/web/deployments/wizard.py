"""The draft of the wizard that creates deployments: the selection so far, and which steps are open.

A draft belongs to a user's window. A change at one step resets the selections that depend on it.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from deployments.models import Configuration, Executable, Scenario
from deployments.web.deployments.forms import DurationForm
from deployments.web.shell.drafts import digest_of

KIND = "deployment"


class WizardStep(enum.StrEnum):
    """The steps in order."""

    SCENARIO = "scenario"
    TEMPLATE = "template"
    CONFIGURATION = "configuration"
    DURATION = "duration"
    REVIEW = "review"


LABELS: Mapping[WizardStep, str | Promise] = {
    WizardStep.SCENARIO: _("Scenario"),
    WizardStep.TEMPLATE: _("Deployment template"),
    WizardStep.CONFIGURATION: _("Configuration"),
    WizardStep.DURATION: _("Duration"),
    WizardStep.REVIEW: _("Review"),
}
_ORDER = list(WizardStep)
_BASIS: Mapping[WizardStep, Sequence[str]] = {
    WizardStep.SCENARIO: (),
    WizardStep.TEMPLATE: ("scenario",),
    WizardStep.CONFIGURATION: ("scenario", "executable"),
    WizardStep.DURATION: (),
    WizardStep.REVIEW: ("scenario", "executable", "configuration", "duration"),
}


@dataclass(kw_only=True)
class DeploymentDraft:
    """The selection so far; deleted objects are treated as not selected.

    Args:
        duration: values of the DurationForm, None before that step.
    """

    scenario: Scenario | None = None
    executable: Executable | None = None
    configuration: Configuration | None = None
    duration: dict[str, str] | None = field(default=None)

    @property
    def open_step(self) -> WizardStep:
        """The first incomplete step."""
        if self.scenario is None:
            return WizardStep.SCENARIO
        if self.executable is None:
            return WizardStep.TEMPLATE
        if self.configuration is None:
            return WizardStep.CONFIGURATION
        return WizardStep.DURATION if self.duration is None else WizardStep.REVIEW

    @property
    def ttl(self) -> str:
        """The duration in the format of the AI API, `""` for without limit."""
        form = DurationForm(self.duration or {"kind": "standard"})
        return form.as_ttl(form.cleaned_data) if form.is_valid() else ""

    def values(self) -> dict[str, Any]:
        """Return the values to store."""
        return {
            "scenario": self.scenario.pk if self.scenario else "",
            "executable": self.executable.pk if self.executable else "",
            "configuration": str(self.configuration.pk) if self.configuration else "",
            "duration": self.duration,
        }

    def basis(self, step: WizardStep) -> str:
        """Return a digest of the selections that the form of a step is based on."""
        values = self.values()
        return digest_of([step.value, *(values[name] for name in _BASIS[step])])

    def may_open(self, step: WizardStep) -> bool:
        return _ORDER.index(step) <= _ORDER.index(self.open_step)

    def choose_scenario(self, scenario: Scenario) -> None:
        if self.scenario != scenario:
            self.executable = self.configuration = None
        self.scenario = scenario

    def choose_executable(self, executable: Executable) -> None:
        if self.executable != executable:
            self.configuration = None
        self.scenario = executable.scenario
        self.executable = executable

    def choose_configuration(self, configuration: Configuration) -> None:
        self.choose_executable(configuration.executable)
        self.configuration = configuration


def step_after(step: WizardStep) -> WizardStep:
    return _ORDER[min(_ORDER.index(step) + 1, len(_ORDER) - 1)]


def step_before(step: WizardStep) -> WizardStep:
    return _ORDER[max(_ORDER.index(step) - 1, 0)]


def step_from(text: str, draft: DeploymentDraft) -> WizardStep:
    """Return the step in the URL, or the open one when there is none or it is not open yet."""
    step = WizardStep(text) if text in set(WizardStep) else draft.open_step
    return step if draft.may_open(step) else draft.open_step


def draft_from(values: Mapping[str, Any], group_id: str) -> DeploymentDraft:
    """Return the stored draft; objects that do not exist in the group any more are treated as not selected."""
    draft = DeploymentDraft(duration=values.get("duration"))
    if (scenario := find_scenario(values.get("scenario", ""))) is not None:
        draft.choose_scenario(scenario)
    if (executable := find_executable(values.get("executable", ""))) is not None:
        draft.choose_executable(executable)
    if (configuration := find_configuration([group_id], values.get("configuration", ""))) is not None:
        draft.choose_configuration(configuration)
    return draft


def find_scenario(pk: str) -> Scenario | None:
    return Scenario.objects.filter(pk=pk).first() if pk else None


def find_executable(pk: str) -> Executable | None:
    return Executable.objects.select_related("scenario").filter(pk=pk).first() if pk else None


def find_configuration(group_ids: Collection[str], pk: str) -> Configuration | None:
    """Return a configuration of these resource groups, None for anything else."""
    rows = Configuration.objects.select_related("scenario", "executable__scenario")
    rows = rows.filter(resource_group__in=group_ids)
    try:
        return rows.filter(pk=pk).first() if pk else None
    except ValidationError:  # not a UUID
        return None
