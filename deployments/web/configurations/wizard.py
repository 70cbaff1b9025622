"""The wizard that creates a configuration: name, input parameters, input artifacts, review.

Each step is a form of its own; what was entered is kept on the server, so that nothing is lost by a reload, by going
back, or by adding an artifact on the way. Opened inside the wizard for deployments, it comes back there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from deployments.errors import InvalidInput
from deployments.models import Executable, Role
from deployments.operations import create_configuration
from deployments.queries.artifacts import artifacts, choices_for
from deployments.queries.catalog import executables
from deployments.queries.configurations import find_configuration
from deployments.web.configurations.draft import KIND, Entered, copy_of, entered_from, for_template, step_marks
from deployments.web.configurations.forms import InputsForm, NameForm, ParametersForm, TemplateForm
from deployments.web.deployments import wizard
from deployments.web.shell.drafts import StaleDraft, WindowDraft, new_draft, unfinished_draft, window_draft
from deployments.web.shell.guards import PageRequest, enter_group, needs, sign_in_required
from deployments.web.shell.notices import isolated
from deployments.web.shell.paging import text_of, uuid_or_404

StepForm = NameForm | ParametersForm | InputsForm


@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.EDITOR)
def configuration_create(request: PageRequest) -> HttpResponse:
    """Render a step, or store its input and continue."""
    if request.method == "GET" and request.GET.keys() & {"executable", "scenario", "from", "return"}:
        return _begin(request)
    wizard = _opened(request)
    steps = wizard.entered.steps()
    step = request.GET.get("step", "name")
    is_open = step in steps and (wizard.entered.chosen is not None or step == "name")
    if request.method == "GET":
        return _show(wizard, step) if is_open else wizard.to("name")
    if request.POST.get("go") == "cancel":
        wizard.window.discard()
        return redirect(_onward_address(wizard.entered) if wizard.entered.onward else "configurations")
    if not is_open or request.POST.get("basis") != wizard.entered.basis(step):
        return _stale(wizard, step if is_open else "name")
    return _create(wizard) if step == "review" else _take(wizard, step)


@dataclass(frozen=True, kw_only=True)
class _Wizard:
    """The wizard of one window during a request."""

    request: PageRequest
    window: WindowDraft
    entered: Entered

    @property
    def address(self) -> str:
        return f"{reverse('configuration-create')}?{urlencode({'draft': self.window.key})}"

    def to(self, step: str) -> HttpResponse:
        return redirect(f"{self.address}&{urlencode({'step': step})}")


def _opened(request: PageRequest) -> _Wizard:
    window = window_draft(request, KIND)
    return _Wizard(request=request, window=window, entered=entered_from(window.load()))


def _begin(request: PageRequest) -> HttpResponse:
    """Start the wizard with the selection of another page."""
    if copied := text_of(request, "from"):
        configuration = find_configuration(request.workspace.group_ids, uuid_or_404(copied))
        if configuration is None:
            raise Http404
        enter_group(request, configuration.resource_group_id)
        return _begun(request, copy_of(configuration))
    onward = text_of(request, "return")
    if onward:
        onward = window_draft(request, wizard.KIND, key=onward).key
    pk, scenario = text_of(request, "executable"), text_of(request, "scenario")
    if pk and not Executable.objects.filter(pk=pk).exists():
        raise Http404
    is_fixed = bool(pk)
    if not pk and scenario:  # only the scenario is known: preselect its first template
        pk = executables(scenario=scenario).values_list("pk", flat=True).first() or ""
    return _begun(request, Entered(executable=pk, fixed=is_fixed, onward=onward))


def _begun(request: PageRequest, entered: Entered) -> HttpResponse:
    window = new_draft(request, KIND)
    window.save(asdict(entered), has_entries=False)
    return _Wizard(request=request, window=window, entered=entered).to("name")


def _take(wizard: _Wizard, step: str) -> HttpResponse:
    """Store the input of a step, then execute the pressed button."""
    request = wizard.request
    form = _form(wizard, step, request.POST)
    is_valid = form.is_valid()
    entered = _with_entries(wizard.entered, form, reset=request.POST.get("reset", ""))
    wizard = replace(wizard, entered=entered)
    wizard.window.save(asdict(entered))
    go = "reset" if "reset" in request.POST else request.POST.get("go", "next")
    steps = entered.steps()
    here = steps.index(step)
    if go == "reset":
        return wizard.to(step)
    if go == "back":
        return wizard.to(steps[max(here - 1, 0)])
    if go.startswith("add:"):
        return redirect(_artifact_page(wizard, go.removeprefix("add:")))
    if go == "check":
        _forgive_untouched(form, request.htmx.trigger_name or "")
        return _show(wizard, step, form=form, status=200)
    if not is_valid:
        return _show(wizard, step, form=form)
    return wizard.to(steps[here + 1])


def _create(wizard: _Wizard) -> HttpResponse:
    """Create the configuration of the review, or show there what has to be fixed."""
    request = wizard.request
    if request.POST.get("go") == "back":
        return wizard.to(wizard.entered.steps()[-2])
    try:
        with transaction.atomic():
            entered = entered_from(wizard.window.load(for_update=True))
            if entered.chosen is None or request.POST.get("basis") != entered.basis("review"):
                raise StaleDraft
            wizard.window.discard()
            configuration = create_configuration(
                request.actor,
                request.group,
                entered.chosen,
                name=entered.name,
                parameters=entered.parameters,
                inputs=entered.inputs,
                created_by=request.user,
            )
    except StaleDraft:
        return _stale(_opened(request), "review")
    except InvalidInput as error:
        return _show(wizard, "review", problems=error.problems)
    messages.success(request, _("The configuration %(name)s was created.") % {"name": isolated(configuration.name)})
    if entered.onward:
        return redirect(_onward_address(entered, configuration=str(configuration.pk)))
    return redirect("configuration", configuration.pk)


def _onward_address(entered: Entered, **query: str) -> str:
    """Return the URL of the deployment wizard that this one was opened from."""
    return f"{reverse('deployment-create')}?{urlencode({'draft': entered.onward} | query)}"


def _stale(wizard: _Wizard, step: str) -> HttpResponse:
    """Refuse input from a page that is based on other values than the stored ones, and show the stored ones."""
    if wizard.request.POST.get("go") == "check":  # the next press of a button reports it
        return HttpResponse(status=204)
    told = _(
        "What was entered here has been changed, created or cancelled in another window meanwhile. "
        "Nothing was taken from this window: check it again."
    )
    if step not in wizard.entered.steps() or wizard.entered.chosen is None:
        step = "name"
    return _show(wizard, step, stale=told, status=409)


def _show(
    wizard: _Wizard,
    step: str,
    *,
    form: StepForm | None = None,
    problems: Mapping[str, str] | None = None,
    stale: str = "",
    status: int = 0,
) -> HttpResponse:
    """Render a step.

    Args:
        form: what was entered and is wrong, None for what is in the draft.
        problems: what the operation refused.
        stale: why nothing was taken from the form that was sent.
        status: HTTP status of the answer, 0 for the one that fits.
    """
    request, entered = wizard.request, wizard.entered
    context: dict[str, Any] = {
        "step": step,
        "steps": step_marks(entered, step),
        "entered": entered,
        "executable": entered.chosen,
        "is_first": step == entered.steps()[0],
        "unfinished": unfinished_draft(request, KIND),
        "draft_key": wizard.window.key,
        "wizard_url": wizard.address,
        "basis": entered.basis(step),
        "stale": stale,
    }
    if step == "review":
        context |= _review(request, entered) | {"problems": list((problems or {}).values())}
    else:
        context["form"] = form or _form(wizard, step, None)
        context["templates"] = [] if step != "name" or entered.fixed else _templates()
    status = status or (422 if form or problems else 200)
    return render(request, f"configurations/create_{step}.html", context, status=status)


def _form(wizard: _Wizard, step: str, data: QueryDict | None) -> StepForm:
    """Return the form of a step, with `data` or with the values of the draft."""
    entered = wizard.entered
    template = entered.template
    if step == "name" or template is None:
        values = {"name": entered.name, "executable": entered.executable}
        if entered.fixed:
            return NameForm(data, initial=values, label_suffix="")
        return TemplateForm(data, initial=values, label_suffix="", executables=_templates())
    if step == "parameters":
        return ParametersForm(data, template=template, values=entered.parameters)
    scenario = entered.chosen.scenario_id if entered.chosen else ""
    group_id = wizard.request.group.pk
    choices = {slot.name: choices_for(group_id, kind=slot.kind, scenario=scenario) for slot in template.artifacts}
    return InputsForm(data, template=template, choices=choices, values=entered.inputs)


def _forgive_untouched(form: StepForm, touched: str) -> None:
    """Remove the errors of empty fields that the user has not visited yet."""
    for name in list(form.errors):
        if name != touched and not form.data.get(name):
            del form.errors[name]


def _with_entries(entered: Entered, form: StepForm, *, reset: str) -> Entered:
    """Return the draft with the values of a form; the parameter `reset` gets its default."""
    entries = form.entries()
    if isinstance(form, TemplateForm):
        entered = for_template(entered, entries["executable"], onward=entered.onward)
    if "parameters" in entries:
        entries["parameters"].pop(reset, None)
    return replace(entered, **entries)


def _review(request: PageRequest, entered: Entered) -> dict[str, Any]:
    """Return the final values, with the name of each selected artifact."""
    template = entered.template
    if template is None:
        return {}
    chosen = {str(row.pk): row for row in artifacts(request.group.pk).filter(pk__in=entered.inputs.values())}
    return {
        "parameters": [
            {
                "parameter": parameter,
                "value": entered.parameters.get(parameter.name, parameter.default),
                "is_changed": entered.parameters.get(parameter.name, parameter.default) != parameter.default,
            }
            for parameter in template.parameters
        ],
        "inputs": [(slot, chosen.get(entered.inputs.get(slot.name, ""))) for slot in template.artifacts],
    }


def _templates() -> list[Executable]:
    return list(executables().order_by("scenario__name", "name", "id"))


def _artifact_page(wizard: _Wizard, name: str) -> str:
    """Return the URL of the page that adds an artifact for an input and returns with it selected."""
    entered = wizard.entered
    slots = entered.template.artifacts if entered.template else ()
    query = {
        "kind": next((slot.kind for slot in slots if slot.name == name), ""),
        "scenario": entered.chosen.scenario_id if entered.chosen else "",
        "return": wizard.window.key,
        "executable": entered.executable,
        "input": name,
    }
    return f"{reverse('artifact-create')}?{urlencode(query)}"
