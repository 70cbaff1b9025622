"""The wizard that makes a configuration: name, input parameters, input artifacts, review.

Each step is a form of its own; what was entered is kept on the server, so that nothing is lost by a reload, by going
back, or by adding an artifact on the way. Opened inside the wizard for deployments, it comes back there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.contrib import messages
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
from deployments.web.access import PageRequest, needs, sign_in_required
from deployments.web.configuration_draft import (
    KIND,
    Entered,
    copy_of,
    discard,
    for_template,
    keep,
    load,
    step_marks,
)
from deployments.web.drafts import continued_from
from deployments.web.forms.configurations import InputsForm, NameForm, ParametersForm, TemplateForm
from deployments.web.pages import text_of, uuid_or_404

StepForm = NameForm | ParametersForm | InputsForm


@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.EDITOR)
def configuration_create(request: PageRequest) -> HttpResponse:
    """Show a step, or take what was entered into it and go on."""
    if request.method == "GET" and request.GET.keys() & {"executable", "scenario", "from", "return"}:
        return _begin(request)
    entered = load(request)
    steps = entered.steps()
    step = request.GET.get("step", "name")
    if step not in steps or (entered.chosen is None and step != "name"):
        return _to("name")
    if request.method == "GET":
        return _show(request, entered, step)
    if request.POST.get("go") == "cancel":
        discard(request)
        return redirect("deployment-create" if entered.onward else "configurations")
    return _create(request, entered) if step == "review" else _take(request, entered, step)


def _begin(request: PageRequest) -> HttpResponse:
    """Open the wizard for what another page has chosen."""
    if copied := text_of(request, "from"):
        configuration = find_configuration(request.group.pk, uuid_or_404(copied))
        if configuration is None:
            raise Http404
        keep(request, copy_of(configuration))
        return _to("name")
    onward = "deployment" if text_of(request, "return") == "deployment" else ""
    pk, scenario = text_of(request, "executable"), text_of(request, "scenario")
    if pk and not Executable.objects.filter(pk=pk).exists():
        raise Http404
    entered = load(request)
    if not pk and scenario:  # only the scenario is known: its first template is a good guess, not more
        pk = executables(scenario=scenario).values_list("pk", flat=True).first() or ""
        keep(request, for_template(entered, pk, onward=onward))
    else:
        keep(request, for_template(entered, pk or entered.executable, fixed=bool(pk), onward=onward))
    return _to("name")


def _take(request: PageRequest, entered: Entered, step: str) -> HttpResponse:
    """Keep what was entered into a step, then do what the pressed button says."""
    form = _form(request, entered, step, request.POST)
    is_valid = form.is_valid()
    entered = _with_entries(entered, form, reset=request.POST.get("reset", ""))
    keep(request, entered)
    go = "reset" if "reset" in request.POST else request.POST.get("go", "next")
    steps = entered.steps()
    here = steps.index(step)
    if go == "reset":
        return _to(step)
    if go == "back":
        return _to(steps[max(here - 1, 0)])
    if go.startswith("add:"):
        return redirect(_artifact_page(entered, go.removeprefix("add:")))
    if go == "check":
        _forgive_untouched(form, request.htmx.trigger_name or "")
        return _show(request, entered, step, form=form, status=200)
    if not is_valid:
        return _show(request, entered, step, form=form)
    return _to(steps[here + 1])


def _create(request: PageRequest, entered: Entered) -> HttpResponse:
    """Make the configuration, or say on the review what has to be mended."""
    if request.POST.get("go") == "back":
        return _to(entered.steps()[-2])
    if entered.chosen is None:
        return _to("name")
    try:
        configuration = create_configuration(
            request.actor,
            request.group,
            entered.chosen,
            name=entered.name,
            parameters=entered.parameters,
            inputs=entered.inputs,
            created_by=request.user,
        )
    except InvalidInput as error:
        return _show(request, entered, "review", problems=error.problems)
    discard(request)
    messages.success(request, _("The configuration %(name)s was created.") % {"name": configuration.name})
    if entered.onward:
        return redirect(f"{reverse('deployment-create')}?{urlencode({'configuration': str(configuration.pk)})}")
    return redirect("configuration", configuration.pk)


def _show(
    request: PageRequest,
    entered: Entered,
    step: str,
    *,
    form: StepForm | None = None,
    problems: Mapping[str, str] | None = None,
    status: int = 0,
) -> HttpResponse:
    """Render a step.

    Args:
        form: what was entered and is wrong, None for what is in the draft.
        problems: what the operation refused.
        status: HTTP status of the answer, 0 for the one that fits.
    """
    steps = entered.steps()
    context: dict[str, Any] = {
        "step": step,
        "steps": step_marks(entered, step),
        "entered": entered,
        "executable": entered.chosen,
        "is_first": step == steps[0],
        "continued": continued_from(request, KIND),
    }
    if step == "review":
        context |= _review(request, entered) | {"problems": list((problems or {}).values())}
    else:
        context["form"] = form or _form(request, entered, step, None)
        context["templates"] = [] if step != "name" or entered.fixed else _templates()
    status = status or (422 if form or problems else 200)
    return render(request, f"configurations/create_{step}.html", context, status=status)


def _form(request: PageRequest, entered: Entered, step: str, data: QueryDict | None) -> StepForm:
    """Return the form of a step, with `data` or with what is in the draft."""
    template = entered.template
    if step == "name" or template is None:
        values = {"name": entered.name, "executable": entered.executable}
        if entered.fixed:
            return NameForm(data, initial=values, label_suffix="")
        return TemplateForm(data, initial=values, label_suffix="", executables=_templates())
    if step == "parameters":
        return ParametersForm(data, template=template, values=entered.parameters)
    scenario = entered.chosen.scenario_id if entered.chosen else ""
    choices = {
        slot.name: choices_for(request.group.pk, kind=slot.kind, scenario=scenario) for slot in template.artifacts
    }
    return InputsForm(data, template=template, choices=choices, values=entered.inputs)


def _forgive_untouched(form: StepForm, touched: str) -> None:
    """Leave out what is wrong with empty fields but the one that was just left: nobody has been there yet."""
    for name in list(form.errors):
        if name != touched and not form.data.get(name):
            del form.errors[name]


def _with_entries(entered: Entered, form: StepForm, *, reset: str) -> Entered:
    """Return the draft with what a form holds; the parameter `reset` goes back to its default."""
    entries = form.entries()
    if isinstance(form, TemplateForm):
        entered = for_template(entered, entries["executable"], onward=entered.onward)
    if "parameters" in entries:
        entries["parameters"].pop(reset, None)
    return replace(entered, **entries)


def _review(request: PageRequest, entered: Entered) -> dict[str, Any]:
    """Return the values as they will be, with the name of each chosen artifact."""
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


def _artifact_page(entered: Entered, name: str) -> str:
    """Return the address of the page that adds an artifact for an input and comes back with it chosen."""
    slots = entered.template.artifacts if entered.template else ()
    kind = next((slot.kind for slot in slots if slot.name == name), "")
    scenario = entered.chosen.scenario_id if entered.chosen else ""
    query = {"kind": kind, "scenario": scenario, "return": "configuration", "input": name}
    return f"{reverse('artifact-create')}?{urlencode(query)}"


def _to(step: str) -> HttpResponse:
    return redirect(f"{reverse('configuration-create')}?{urlencode({'step': step})}")
