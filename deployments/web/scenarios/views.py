"""The pages of scenarios and deployment templates, with their use in the workspace."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from deployments.models import Connection, Executable, Scenario
from deployments.queries.catalog import (
    Uses,
    deployments_of,
    executables,
    find_executable,
    find_scenario,
    scenarios,
    uses_by_executable,
    uses_by_scenario,
)
from deployments.queries.configurations import configurations
from deployments.scheduling.compatibility import problem_on
from deployments.serving_template import ServingTemplate, TemplateInvalid
from deployments.serving_template.yaml_source import PLACEHOLDER
from deployments.web.shell.guards import PageRequest, sign_in_required
from deployments.web.shell.paging import page_of, text_of
from deployments.web.shell.polling import follow_list

# Labels that the format itself defines; their values are elsewhere on the page.
_KNOWN_LABELS = {"scenarios.ai.sap.com/id", "ai.sap.com/version"}


@require_GET
@sign_in_required
def scenario_list(request: PageRequest) -> HttpResponse:
    text = text_of(request, "q")
    page = page_of(request, scenarios(text=text))
    uses = uses_by_scenario(request.group.pk)
    rows = [(scenario, uses.get(scenario.pk, Uses())) for scenario in page]
    context = {"title": _("Scenarios"), "page": page, "rows": rows, "is_filtered": bool(text), "text": text}
    return render(request, "scenarios/list.html", {**context, "hint": _("Name or ID")})


@require_GET
@sign_in_required
def scenario(request: PageRequest, scenario_id: str) -> HttpResponse:
    """Show one scenario; the tabs are its templates, configurations and deployments."""
    found = find_scenario(scenario_id)
    if found is None:
        raise Http404
    tab = request.GET.get("tab", "")
    poll, is_unchanged = follow_list(request) if tab == "deployments" else ("", False)
    if is_unchanged:
        return HttpResponse(status=204)
    uses = uses_by_scenario(request.group.pk).get(found.pk, Uses())
    templates = executables(scenario=found.pk)
    context: dict[str, Any] = {
        "scenario": found,
        "uses": uses,
        "tab": tab if tab in {"configurations", "deployments"} else "templates",
        "template_count": templates.count(),
        "poll": poll,
    }
    context |= _scenario_tab(request, found, context["tab"])
    return render(request, "scenarios/scenario.html", context)


def _scenario_tab(request: PageRequest, found: Scenario, tab: str) -> dict[str, Any]:
    text = text_of(request, "q")
    if tab == "configurations":
        return {"page": page_of(request, configurations(request.group.pk, scenario=found.pk, text=text)), "text": text}
    if tab == "deployments":
        return {"page": page_of(request, deployments_of(request.group.pk, scenario=found.pk))}
    page = page_of(request, executables(scenario=found.pk, text=text))
    uses = uses_by_executable(request.group.pk, found.pk)
    return {"page": page, "rows": [(row, uses.get(row.pk, Uses())) for row in page], "text": text}


@require_GET
@sign_in_required
def template(request: PageRequest, scenario_id: str, executable_id: str) -> HttpResponse:
    """Show one deployment template; the tabs are its details, configurations and deployments."""
    found = find_executable(scenario_id, executable_id)
    if found is None:
        raise Http404
    tab = request.GET.get("tab", "")
    poll, is_unchanged = follow_list(request) if tab == "deployments" else ("", False)
    if is_unchanged:
        return HttpResponse(status=204)
    uses = uses_by_executable(request.group.pk, scenario_id).get(found.pk, Uses())
    context: dict[str, Any] = {
        "executable": found,
        "uses": uses,
        "tab": tab if tab in {"configurations", "deployments"} else "details",
        "poll": poll,
        "deploy": f"{reverse('deployment-create')}?scenario={found.scenario_id}&executable={found.pk}",
    }
    if context["tab"] == "configurations":
        text = text_of(request, "q")
        rows = configurations(request.group.pk, executable=found.pk, text=text)
        context |= {"page": page_of(request, rows), "text": text}
    elif context["tab"] == "deployments":
        context["page"] = page_of(request, deployments_of(request.group.pk, executable=found.pk))
    else:
        context |= _template_details(found, request.workspace.group.connection)
    return render(request, "scenarios/template.html", context)


def _template_details(found: Executable, connection: Connection) -> dict[str, Any]:
    try:
        document = found.template
    except TemplateInvalid as error:  # imported by an earlier version that accepted more
        return {"problem": _("The template can no longer be read: %(problem)s") % {"problem": error}}
    labels = {name: value for name, value in document.labels.items() if name not in _KNOWN_LABELS}
    return {
        "document": document,
        "labels": labels,
        "problem": problem_on(connection, document),
        "server": [
            (_("Resource Plan"), _plan_in_words(document)),
            (_("Replicas"), _in_words(document, document.server.min_replicas)),
            (_("Most Replicas"), _in_words(document, document.server.max_replicas or document.server.min_replicas)),
            (_("Health Path"), _health_in_words(document)),
        ],
    }


def _plan_in_words(document: ServingTemplate) -> tuple[str, str]:
    server = document.server
    if server.resource_plan:
        return _in_words(document, server.resource_plan)
    amounts = ", ".join(f"{name} {_in_words(document, amount)[0]}" for name, amount in server.amounts.items())
    return _("the smallest that has %(amounts)s") % {"amounts": amounts}, ""


def _health_in_words(document: ServingTemplate) -> tuple[str, str]:
    probe = document.server.probe
    if probe is not None and not probe.path:
        return _("none, an open port is enough"), ""
    return _in_words(document, document.server.health_path)


def _in_words(document: ServingTemplate, pattern: str) -> tuple[str, str]:
    """Return the value with defaults filled in, and the parameter that it comes from (`""` when from none)."""
    match = PLACEHOLDER.fullmatch(pattern)
    name = match[1].removeprefix("inputs.parameters.") if match else ""
    default = next((parameter.default for parameter in document.parameters if parameter.name == name), None)
    if not name or default is None:
        return pattern, ""
    return default, _("parameter %(name)s") % {"name": name}
