"""The wizard that creates a deployment: scenario, deployment template, configuration, duration, review."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
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
from deployments.queries.configuration_difference import configuration_choices
from deployments.queries.placement import fit
from deployments.web.access import PageRequest, needs, sign_in_required
from deployments.web.deployment_wizard import (
    KIND,
    LABELS,
    DeploymentDraft,
    WizardStep,
    find_configuration,
    find_executable,
    find_scenario,
    load_draft,
    save_draft,
    step_after,
    step_before,
    step_from,
)
from deployments.web.drafts import continued_from, discard_draft
from deployments.web.forms.deployments import DurationForm

PRESELECTED = ("scenario", "executable", "configuration")


@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.EDITOR)
def deployment_create(request: PageRequest) -> HttpResponse:
    """Show a step of the wizard, take what was entered there, and create the deployment at the end."""
    draft = load_draft(request)
    if request.method == "POST":
        return _take(request, draft)
    if any(request.GET.get(name) for name in PRESELECTED) and "peek" not in request.GET:
        return _preselect(request, draft)
    step = step_from(request.GET.get("step", ""), draft)
    if step is WizardStep.DURATION and "check" in request.GET:
        return _show_duration(request)
    context = _SHOW[step](request, draft)
    if step is WizardStep.CONFIGURATION and request.htmx and request.GET.get("part") in {"chosen", "choices"}:
        return render(request, f"deployments/_create_{request.GET['part']}.html", context)
    return _page(request, draft, step, context)


def _take(request: PageRequest, draft: DeploymentDraft) -> HttpResponse:
    """Take what was entered at a step: it is kept, whichever button was pressed."""
    if request.POST.get("do") == "cancel":
        discard_draft(request, KIND)
        return redirect("deployments")
    step = step_from(request.POST.get("step", ""), draft)
    if step is WizardStep.REVIEW and request.POST.get("do") == "create":
        return _create(request, draft)
    problem = _TAKE[step](request, draft) if step in _TAKE else ""
    save_draft(request, draft)
    if request.POST.get("do") == "back":
        return _to(step_before(step))
    if problem:
        return _page(request, draft, step, _SHOW[step](request, draft) | {"problem": problem}, status=422)
    return _to(step_after(step))


def _create(request: PageRequest, draft: DeploymentDraft) -> HttpResponse:
    group = request.workspace.group
    if draft.configuration is None:
        return _to(draft.open_step)
    try:
        deployment = create_deployment(request.actor, group, draft.configuration, ttl=draft.ttl)
    except InvalidInput as error:
        context = _show_review(request, draft) | {"problem": " ".join(error.problems.values())}
        return _page(request, draft, WizardStep.REVIEW, context, status=422)
    except LaunchpadError as error:
        context = _show_review(request, draft) | {"problem": str(error)}
        return _page(request, draft, WizardStep.REVIEW, context, status=422)
    discard_draft(request, KIND)
    messages.success(request, gettext("Deployment %(id)s created.") % {"id": deployment.pk})
    return redirect("deployment", deployment.pk)


def _preselect(request: PageRequest, draft: DeploymentDraft) -> HttpResponse:
    """Take what the address names, from the widest to the closest, and go to the first open step."""
    group = request.workspace.group
    scenario = find_scenario(request.GET.get("scenario", ""))
    executable = find_executable(request.GET.get("executable", ""))
    configuration = find_configuration(group, request.GET.get("configuration", ""))
    if scenario is not None:
        draft.choose_scenario(scenario)
    if executable is not None:
        draft.choose_executable(executable)
    if configuration is not None:
        draft.choose_configuration(configuration)
    save_draft(request, draft)
    return _to(draft.open_step)


def _to(step: WizardStep) -> HttpResponse:
    return redirect(f"{reverse('deployment-create')}?step={step}")


def _page(
    request: PageRequest, draft: DeploymentDraft, step: WizardStep, context: dict[str, Any], status: int = 200
) -> HttpResponse:
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
    shared = {
        "draft": draft,
        "step": step.value,
        "steps": steps,
        "is_first": step is WizardStep.SCENARIO,
        "continued": continued_from(request, KIND),
    }
    return render(request, f"deployments/create_{step}.html", shared | context, status=status)


# --- What each step shows ---------------------------------------------------------------------------------------


def _show_scenario(request: PageRequest, draft: DeploymentDraft) -> dict[str, Any]:
    scenarios = list(Scenario.objects.annotate(templates=Count("executables")).filter(templates__gt=0))
    chosen = draft.scenario or (scenarios[0] if len(scenarios) == 1 else None)
    return {"scenarios": scenarios, "chosen": chosen}


def _show_template(request: PageRequest, draft: DeploymentDraft) -> dict[str, Any]:
    executables = list(Executable.objects.filter(scenario=draft.scenario))
    chosen = draft.executable or (executables[0] if len(executables) == 1 else None)
    return {"executables": executables, "chosen": chosen}


def _show_configuration(request: PageRequest, draft: DeploymentDraft) -> dict[str, Any]:
    group = request.workspace.group
    text = request.GET.get("q", "").strip()[:256]
    executable = draft.executable
    choices, more = configuration_choices(group.pk, executable_id=executable.pk if executable else "", text=text)
    chosen = find_configuration(group, request.GET.get("peek", "")) or draft.configuration
    if chosen is None and len(choices) == 1 and not text:
        chosen = choices[0]
    return {
        "choices": choices,
        "more": more,
        "q": text,
        "chosen": chosen,
        "artifacts": chosen.artifacts() if chosen else {},
        "create_url": _create_configuration_url(executable),
    }


def _create_configuration_url(executable: Executable | None) -> str:
    """Return the address of the wizard for configurations that comes back here."""
    query = {"return": "deployment", "executable": executable.pk if executable else ""}
    return f"{reverse('configuration-create')}?{urlencode(query)}"


def _show_duration_step(request: PageRequest, draft: DeploymentDraft) -> dict[str, Any]:
    form = DurationForm(request.POST if request.method == "POST" else draft.duration or {"kind": "standard"})
    return {"form": form, "until": _until(form)}


def _show_duration(request: PageRequest) -> HttpResponse:
    """Say while it is being written whether a duration is accepted, and when it would end."""
    form = DurationForm(request.GET)
    return render(request, "deployments/_create_until.html", {"form": form, "until": _until(form), "checked": True})


def _until(form: DurationForm) -> object:
    if not form.is_valid():
        return None
    lifetime = parse_ttl(form.written(form.cleaned_data))
    return timezone.now() + lifetime if lifetime else None


def _show_review(request: PageRequest, draft: DeploymentDraft) -> dict[str, Any]:
    configuration = draft.configuration
    lifetime = parse_ttl(draft.ttl)
    return {
        "fit": fit(configuration, request.workspace.group) if configuration else None,
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

# --- What each step takes: `""`, or the sentence on what is missing ---------------------------------------------


def _take_scenario(request: PageRequest, draft: DeploymentDraft) -> str:
    scenario = find_scenario(request.POST.get("scenario", ""))
    if scenario is not None:
        draft.choose_scenario(scenario)
    return "" if draft.scenario else gettext("Choose a scenario.")


def _take_template(request: PageRequest, draft: DeploymentDraft) -> str:
    executable = find_executable(request.POST.get("executable", ""))
    if executable is not None and executable.scenario == draft.scenario:
        draft.choose_executable(executable)
    if draft.executable is None:
        return gettext("Choose a deployment template.")
    return draft.executable.template.problem_for_local_runtime


def _take_configuration(request: PageRequest, draft: DeploymentDraft) -> str:
    configuration = find_configuration(request.workspace.group, request.POST.get("configuration", ""))
    if configuration is not None and configuration.executable == draft.executable:
        draft.choose_configuration(configuration)
    return "" if draft.configuration else gettext("Choose a configuration, or create one.")


def _take_duration(request: PageRequest, draft: DeploymentDraft) -> str:
    form = DurationForm(request.POST)
    if not form.is_valid():
        return " ".join(str(error) for errors in form.errors.values() for error in errors)
    draft.duration = {name: form.cleaned_data.get(name, "") for name in ("kind", "number", "unit")}
    return ""


_TAKE: dict[WizardStep, Callable[[PageRequest, DeploymentDraft], str]] = {
    WizardStep.SCENARIO: _take_scenario,
    WizardStep.TEMPLATE: _take_template,
    WizardStep.CONFIGURATION: _take_configuration,
    WizardStep.DURATION: _take_duration,
}
