"""Update, stop, delete and roll back one deployment, each after a confirmation in a dialog or on a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from deployments.errors import InvalidInput, LaunchpadError
from deployments.lifecycle import Action, Status
from deployments.models import Actor, Configuration, Deployment, Role
from deployments.operations import delete_deployment, roll_back_deployment, stop_deployment, update_deployment
from deployments.queries.capacity import check_placement
from deployments.queries.configuration_difference import configuration_choices, difference
from deployments.web.deployments.common import deployment_or_404, reason_against
from deployments.web.deployments.forms import UpdateForm
from deployments.web.shell.guards import PageRequest, needs, sign_in_required
from deployments.web.shell.notices import announce_one, isolated

Act = Callable[[Actor, Deployment], None]


@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.EDITOR)
def deployment_update(request: PageRequest, deployment_id: str) -> HttpResponse:
    """Select another configuration, compare it and check the capacity, and update."""
    deployment = deployment_or_404(request, deployment_id)
    if request.method == "POST":
        return _update(request, deployment)
    chosen = _configuration(deployment, request.GET.get("configuration", ""))
    context = _update_context(request, deployment, chosen) | {"returns": True}
    part = {"chosen": "deployments/_update_chosen.html", "choices": "deployments/_update_choices.html"}
    template = part.get(request.GET.get("part", ""), "deployments/update.html")
    return render(request, template, context)


@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.EDITOR)
def deployment_stop(request: PageRequest, deployment_id: str) -> HttpResponse:
    """Stop a deployment; it cannot be started again."""
    deployment = deployment_or_404(request, deployment_id)
    if request.method == "POST":
        done = gettext("%(id)s is being stopped.") % {"id": deployment.pk}
        return _done(request, deployment, Action.STOP, stop_deployment, done)
    return _question(request, deployment, Action.STOP, "stop")


@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.EDITOR)
def deployment_delete(request: PageRequest, deployment_id: str) -> HttpResponse:
    """Delete a deployment with its history and logs."""
    deployment = deployment_or_404(request, deployment_id)
    if request.method == "POST":
        done = gettext("%(id)s is being deleted.") % {"id": deployment.pk}
        return _done(request, deployment, Action.DELETE, delete_deployment, done)
    return _question(request, deployment, Action.DELETE, "delete")


@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.EDITOR)
def deployment_roll_back(request: PageRequest, deployment_id: str) -> HttpResponse:
    """Return to the configuration that was running last: with one click, or without scripts on a page of its own."""
    deployment = deployment_or_404(request, deployment_id)
    last = deployment.latest_running_configuration
    if request.method == "POST":
        done = gettext("Rolling back to %(name)s.") % {"name": isolated(last.name) if last else ""}
        return _done(request, deployment, Action.UPDATE, roll_back_deployment, done)
    return _question(request, deployment, Action.UPDATE, "roll_back", last=last)


def _question(
    request: PageRequest, deployment: Deployment, action: Action, template: str, **more: Any
) -> HttpResponse:
    context = {
        "deployment": deployment,
        "reason": reason_against(request, deployment, action),
        "back_url": reverse("deployment", args=[deployment.pk]),
    }
    return render(request, f"deployments/{template}.html", {**context, **more})


def _done(request: PageRequest, deployment: Deployment, action: Action, act: Act, done: str) -> HttpResponse:
    url = reverse("deployment", args=[deployment.pk])
    try:
        act(request.actor, deployment)
    except LaunchpadError as error:
        messages.error(request, str(error))
        return redirect(url)
    announce_one(request, done, action, deployment)
    return redirect(reverse("deployments") if action is Action.DELETE else url)


def _update(request: PageRequest, deployment: Deployment) -> HttpResponse:
    form = UpdateForm(request.POST)
    chosen = None
    problem = ""
    if form.is_valid():
        chosen = _configuration(deployment, str(form.cleaned_data["configuration"]))
        problem = "" if chosen else gettext("There is no such configuration in this scenario.")
    else:
        problem = " ".join(str(error) for error in form.errors.get("configuration", []))
    returns = bool(request.POST.get("rollback_on_failure"))
    if chosen is not None:
        try:
            update_deployment(request.actor, deployment, chosen, rollback_on_failure=returns)
        except InvalidInput as error:
            problem = error.problems.get("configuration", str(error))
        except LaunchpadError as error:
            problem = str(error)
    if problem or chosen is None:
        context = _update_context(request, deployment, chosen) | {"problem": problem, "returns": returns}
        return render(request, "deployments/update.html", context, status=422)
    done = gettext("Updating to %(name)s.") % {"name": isolated(chosen.name)}
    announce_one(request, done, Action.UPDATE, deployment)
    to = reverse("deployment", args=[deployment.pk])
    return HttpResponseClientRedirect(to) if request.htmx else redirect(to)


def _configuration(deployment: Deployment, pk: str) -> Configuration | None:
    """Return a configuration that the deployment may be updated to."""
    current = deployment.configuration
    try:
        return Configuration.objects.select_related("executable", "scenario").get(
            pk=pk, resource_group=deployment.resource_group_id, scenario=current.scenario_id
        )
    except (Configuration.DoesNotExist, ValidationError):  # ValidationError: not a UUID
        return None


def _update_context(request: PageRequest, deployment: Deployment, chosen: Configuration | None) -> dict[str, Any]:
    text = request.GET.get("q", "").strip()[:256]
    current = deployment.configuration
    choices, more = configuration_choices(deployment.resource_group_id, scenario_id=current.scenario_id, text=text)
    return {
        "deployment": deployment,
        "choices": choices,
        "more": more,
        "q": text,
        "chosen": chosen,
        "may_choose_current": deployment.status == Status.DEAD,
        "difference": difference(current, chosen) if chosen else None,
        "fit": check_placement(chosen, request.workspace.group) if chosen else None,
        "reason": reason_against(request, deployment, Action.UPDATE),
    }
