"""The wizard that creates deployments: what has been entered so far, kept on the server, and which steps are open.

A draft belongs to a person and a resource group. Choosing something else at one step takes back what depended on it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from deployments.models import Configuration, Executable, ResourceGroup, Scenario
from deployments.web.access import PageRequest
from deployments.web.drafts import draft_of, keep_draft
from deployments.web.forms.deployments import DurationForm

KIND = "deployment"


class WizardStep(enum.StrEnum):
    """The steps in their order."""

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


@dataclass(kw_only=True)
class DeploymentDraft:
    """What somebody has chosen so far; what does not exist any more counts as not chosen.

    Args:
        duration: values of the DurationForm, None before that step.
    """

    scenario: Scenario | None = None
    executable: Executable | None = None
    configuration: Configuration | None = None
    duration: dict[str, str] | None = field(default=None)

    @property
    def open_step(self) -> WizardStep:
        """The first step that is not done."""
        if self.scenario is None:
            return WizardStep.SCENARIO
        if self.executable is None:
            return WizardStep.TEMPLATE
        if self.configuration is None:
            return WizardStep.CONFIGURATION
        return WizardStep.DURATION if self.duration is None else WizardStep.REVIEW

    @property
    def ttl(self) -> str:
        """The duration as the AI API writes it, `""` for without limit."""
        form = DurationForm(self.duration or {"kind": "standard"})
        return form.written(form.cleaned_data) if form.is_valid() else ""

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
    """Return the step an address names, or the open one when it names none or one that is not open yet."""
    step = WizardStep(text) if text in set(WizardStep) else draft.open_step
    return step if draft.may_open(step) else draft.open_step


def load_draft(request: PageRequest) -> DeploymentDraft:
    """Return what was entered so far."""
    values = draft_of(request, KIND)
    draft = DeploymentDraft(duration=values.get("duration"))
    if (scenario := find_scenario(values.get("scenario", ""))) is not None:
        draft.choose_scenario(scenario)
    if (executable := find_executable(values.get("executable", ""))) is not None:
        draft.choose_executable(executable)
    if (configuration := find_configuration(request.workspace.group, values.get("configuration", ""))) is not None:
        draft.choose_configuration(configuration)
    return draft


def save_draft(request: PageRequest, draft: DeploymentDraft) -> None:
    """Keep what was entered."""
    values = {
        "scenario": draft.scenario.pk if draft.scenario else "",
        "executable": draft.executable.pk if draft.executable else "",
        "configuration": str(draft.configuration.pk) if draft.configuration else "",
        "duration": draft.duration,
    }
    keep_draft(request, KIND, values)


def find_scenario(pk: str) -> Scenario | None:
    return Scenario.objects.filter(pk=pk).first() if pk else None


def find_executable(pk: str) -> Executable | None:
    return Executable.objects.select_related("scenario").filter(pk=pk).first() if pk else None


def find_configuration(group: ResourceGroup, pk: str) -> Configuration | None:
    """Return a configuration of the group, None for anything else."""
    found = Configuration.objects.select_related("scenario", "executable__scenario").filter(resource_group=group)
    try:
        return found.filter(pk=pk).first() if pk else None
    except ValidationError:  # not the form of an id
        return None
