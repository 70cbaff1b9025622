"""The wizard that creates a deployment: scenario, deployment template, configuration, duration, review."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from deployments.errors import InvalidInput, LaunchpadError
from deployments.lifecycle import parse_ttl
from deployments.models import Executable, Role, Scenario
from deployments.operations import create_deployment
from deployments.queries.capacity import check_placement
from deployments.queries.configuration_difference import configuration_choices
from deployments.scheduling.compatibility import problem_on
from deployments.web.deployments.forms import DurationForm
from deployments.web.deployments.wizard import (
    KIND,
    LABELS,
    DeploymentDraft,
    WizardStep,
    draft_from,
    find_configuration,
    find_executable,
    find_scenario,
    step_after,
    step_before,
    step_from,
)
from deployments.web.shell.drafts import StaleDraft, WindowDraft, unfinished_draft, window_draft
from deployments.web.shell.guards import PageRequest, enter_group, needs, sign_in_required

PRESELECTED = ("scenario", "executable", "configuration")


@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.EDITOR)
def deployment_create(request: PageRequest) -> HttpResponse:
    """Render a step of the wizard, store its input, and create the deployment at the end."""
    if "check" in request.GET:
        return _show_duration(request)
    wizard = _opened(request)
    draft = wizard.draft
    if request.method == "POST":
        return _store_input(wizard)
    if any(request.GET.get(name) for name in PRESELECTED) and "peek" not in request.GET:
        return _preselect(wizard)
    step = step_from(request.GET.get("step", ""), draft)
    context = _SHOW[step](request, draft)
    if step is WizardStep.CONFIGURATION and request.htmx and request.GET.get("part") in {"chosen", "choices"}:
        template = f"deployments/_create_{request.GET['part']}.html"
        return render(request, template, _addresses(wizard) | context)
    return _page(wizard, step, context)


@dataclass(frozen=True, kw_only=True)
class _Wizard:
    """The wizard of one window during a request."""

    request: PageRequest
    window: WindowDraft
    draft: DeploymentDraft

    def to(self, step: WizardStep) -> HttpResponse:
        query = {"draft": self.window.key, "step": step.value}
        return redirect(f"{reverse('deployment-create')}?{urlencode(query)}")

    def save(self, *, has_entries: bool = True) -> None:
        self.window.save(self.draft.values(), has_entries=has_entries)


def _opened(request: PageRequest) -> _Wizard:
    """Return the wizard of the window. One that starts from a configuration uses that one's resource group."""
    window = window_draft(request, KIND)
    values = window.load()
    if not values and (named := request.GET.get("configuration")):
        configuration = find_configuration(request.workspace.group_ids, named)
        if configuration is not None and configuration.resource_group_id != request.group.pk:
            enter_group(request, configuration.resource_group_id)
            window = replace(window, group_id=request.group.pk)
    return _Wizard(request=request, window=window, draft=draft_from(values, request.group.pk))


def _store_input(wizard: _Wizard) -> HttpResponse:
    """Store the input of a step, whichever button was pressed."""
    request, draft = wizard.request, wizard.draft
    if request.POST.get("do") == "cancel":
        wizard.window.discard()
        return redirect("deployments")
    sent_from = request.POST.get("step", "")
    step = step_from(sent_from, draft)
    if step.value != sent_from or request.POST.get("basis") != draft.basis(step):
        return _stale(wizard)
    if step is WizardStep.REVIEW and request.POST.get("do") == "create":
        return _create(wizard)
    problem = _TAKE[step](request, draft) if step in _TAKE else ""
    wizard.save()
    if request.POST.get("do") == "back":
        return wizard.to(step_before(step))
    if problem:
        return _page(wizard, step, _SHOW[step](request, draft) | {"problem": problem}, status=422)
    return wizard.to(step_after(step))


def _create(wizard: _Wizard) -> HttpResponse:
    """Create the deployment of the review and delete the draft, in one transaction."""
    request = wizard.request
    try:
        with transaction.atomic():
            draft = draft_from(wizard.window.load(for_update=True), request.group.pk)
            if draft.configuration is None or request.POST.get("basis") != draft.basis(WizardStep.REVIEW):
                raise StaleDraft
            wizard.window.discard()
            deployment = create_deployment(request.actor, request.group, draft.configuration, ttl=draft.ttl)
    except StaleDraft:
        return _stale(_opened(request))
    except InvalidInput as error:
        return _refused(wizard, " ".join(error.problems.values()))
    except LaunchpadError as error:
        return _refused(wizard, str(error))
    messages.success(request, gettext("Deployment %(id)s created.") % {"id": deployment.pk})
    return redirect("deployment", deployment.pk)


def _refused(wizard: _Wizard, problem: str) -> HttpResponse:
    context = _show_review(wizard.request, wizard.draft) | {"problem": problem}
    return _page(wizard, WizardStep.REVIEW, context, status=422)


def _stale(wizard: _Wizard) -> HttpResponse:
    """Refuse input from a page that is based on other values than the stored ones, and show the stored ones."""
    problem = gettext(
        "What was entered here has been changed, created or cancelled in another window meanwhile. "
        "Nothing was taken from this window: check it again."
    )
    step = step_from(wizard.request.POST.get("step", ""), wizard.draft)
    context = _SHOW[step](wizard.request, wizard.draft) | {"problem": problem}
    return _page(wizard, step, context, status=409)


def _preselect(wizard: _Wizard) -> HttpResponse:
    """Apply the selection in the URL, from the scenario to the configuration, and redirect to the first open step."""
    query, draft = wizard.request.GET, wizard.draft
    scenario = find_scenario(query.get("scenario", ""))
    executable = find_executable(query.get("executable", ""))
    configuration = find_configuration([wizard.request.group.pk], query.get("configuration", ""))
    if scenario is not None:
        draft.choose_scenario(scenario)
    if executable is not None:
        draft.choose_executable(executable)
    if configuration is not None:
        draft.choose_configuration(configuration)
    wizard.save(has_entries="draft" in query)
    return wizard.to(draft.open_step)


def _addresses(wizard: _Wizard) -> dict[str, str]:
    """Return the URLs for links and forms of the wizard."""
    key, executable = wizard.window.key, wizard.draft.executable
    come_back = {"return": key, "executable": executable.pk if executable else ""}
    return {
        "draft_key": key,
        "wizard_url": f"{reverse('deployment-create')}?{urlencode({'draft': key})}",
        "create_url": f"{reverse('configuration-create')}?{urlencode(come_back)}",  # which returns here
    }


def _page(wizard: _Wizard, step: WizardStep, context: dict[str, Any], status: int = 200) -> HttpResponse:
    draft = wizard.draft
    steps = [
        {
            "step": each.value,
            "label": LABELS[each],
            "is_current": each is step,
            "is_open": draft.may_open(each) and each is not step,
            "is_done": draft.may_open(each) and each is not draft.open_step,
        }
        for each in WizardStep
    ]
    shared = _addresses(wizard) | {
        "draft": draft,
        "basis": draft.basis(step),
        "step": step.value,
        "steps": steps,
        "is_first": step is WizardStep.SCENARIO,
        "unfinished": unfinished_draft(wizard.request, KIND),
    }
    return render(wizard.request, f"deployments/create_{step}.html", shared | context, status=status)


# --- The context of each step ------------------------------------------------------------------------------------


def _show_scenario(request: PageRequest, draft: DeploymentDraft) -> dict[str, Any]:
    scenarios = list(Scenario.objects.annotate(templates=Count("executables")).filter(templates__gt=0))
    chosen = draft.scenario or (scenarios[0] if len(scenarios) == 1 else None)
    return {"scenarios": scenarios, "chosen": chosen}


def _show_template(request: PageRequest, draft: DeploymentDraft) -> dict[str, Any]:
    executables = list(Executable.objects.filter(scenario=draft.scenario))
    chosen = draft.executable or (executables[0] if len(executables) == 1 else None)
    connection = request.workspace.group.connection
    rows = [(executable, problem_on(connection, executable.template)) for executable in executables]
    return {"executables": rows, "chosen": chosen}


def _show_configuration(request: PageRequest, draft: DeploymentDraft) -> dict[str, Any]:
    group = request.workspace.group
    text = request.GET.get("q", "").strip()[:256]
    executable = draft.executable
    choices, more = configuration_choices(group.pk, executable_id=executable.pk if executable else "", text=text)
    chosen = find_configuration([group.pk], request.GET.get("peek", "")) or draft.configuration
    if chosen is None and len(choices) == 1 and not text:
        chosen = choices[0]
    return {
        "choices": choices,
        "more": more,
        "q": text,
        "chosen": chosen,
        "artifacts": chosen.artifacts() if chosen else {},
    }


def _show_duration_step(request: PageRequest, draft: DeploymentDraft) -> dict[str, Any]:
    form = DurationForm(request.POST if request.method == "POST" else draft.duration or {"kind": "standard"})
    return {"form": form, "until": _until(form)}


def _show_duration(request: PageRequest) -> HttpResponse:
    """Validate a duration while it is typed, and show when it would end."""
    form = DurationForm(request.GET)
    return render(request, "deployments/_create_until.html", {"form": form, "until": _until(form), "checked": True})


def _until(form: DurationForm) -> object:
    if not form.is_valid():
        return None
    lifetime = parse_ttl(form.as_ttl(form.cleaned_data))
    return timezone.now() + lifetime if lifetime else None


def _show_review(request: PageRequest, draft: DeploymentDraft) -> dict[str, Any]:
    configuration = draft.configuration
    lifetime = parse_ttl(draft.ttl)
    return {
        "fit": check_placement(configuration, request.workspace.group) if configuration else None,
        "artifacts": configuration.artifacts() if configuration else {},
        "until": timezone.now() + lifetime if lifetime else None,
    }


_SHOW: dict[WizardStep, Callable[[PageRequest, DeploymentDraft], dict[str, Any]]] = {
    WizardStep.SCENARIO: _show_scenario,
    WizardStep.TEMPLATE: _show_template,
    WizardStep.CONFIGURATION: _show_configuration,
    WizardStep.DURATION: _show_duration_step,
    WizardStep.REVIEW: _show_review,
}

# --- Applying the input of each step: `""`, or what is missing --------------------------------------------------


def _apply_scenario(request: PageRequest, draft: DeploymentDraft) -> str:
    scenario = find_scenario(request.POST.get("scenario", ""))
    if scenario is not None:
        draft.choose_scenario(scenario)
    return "" if draft.scenario else gettext("Choose a scenario.")


def _apply_template(request: PageRequest, draft: DeploymentDraft) -> str:
    executable = find_executable(request.POST.get("executable", ""))
    if executable is not None and executable.scenario == draft.scenario:
        draft.choose_executable(executable)
    if draft.executable is None:
        return gettext("Choose a deployment template.")
    return problem_on(request.workspace.group.connection, draft.executable.template)


def _apply_configuration(request: PageRequest, draft: DeploymentDraft) -> str:
    configuration = find_configuration([request.group.pk], request.POST.get("configuration", ""))
    if configuration is not None and configuration.executable == draft.executable:
        draft.choose_configuration(configuration)
    return "" if draft.configuration else gettext("Choose a configuration, or create one.")


def _apply_duration(request: PageRequest, draft: DeploymentDraft) -> str:
    form = DurationForm(request.POST)
    if not form.is_valid():
        return " ".join(str(error) for errors in form.errors.values() for error in errors)
    draft.duration = {name: form.cleaned_data.get(name, "") for name in ("kind", "number", "unit")}
    return ""


_TAKE: dict[WizardStep, Callable[[PageRequest, DeploymentDraft], str]] = {
    WizardStep.SCENARIO: _apply_scenario,
    WizardStep.TEMPLATE: _apply_template,
    WizardStep.CONFIGURATION: _apply_configuration,
    WizardStep.DURATION: _apply_duration,
}
