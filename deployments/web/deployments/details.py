"""The pages of one deployment: overview, status, events, and the poll that keeps them up to date."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from deployments.gateway.endpoint import inference_url
from deployments.lifecycle import Action, Status
from deployments.models import Configuration, Deployment, DeploymentEvent, Role
from deployments.queries.capacity import capacity_of, holders, resource_request_of
from deployments.queries.connection_health import health_of
from deployments.queries.deployment_details import (
    DeploymentState,
    attempts_of,
    events_of,
    replicas_of,
    state_of,
    status_changes,
)
from deployments.queries.deployment_progress import Progress, progress_of
from deployments.queries.deployment_versions import details_version
from deployments.web.deployments.common import deployment_or_404, reason_against
from deployments.web.deployments.forms import moment_from
from deployments.web.deployments.playground_card import playground_context
from deployments.web.deployments.remediation import remediation_for
from deployments.web.deployments.verification import verification_of
from deployments.web.shell.guards import PageRequest, sign_in_required
from deployments.web.shell.polling import version_for

TABS = ("overview", "status", "scaling", "resources", "logs", "events")
EVENTS_ON_A_PAGE = 100
SOON = timedelta(hours=1)  # before the end of its duration a warning is shown
CHANGING_SECONDS, SETTLED_SECONDS = (
    2,
    5,
)  # between polls; SETTLED is that of lists, too


@require_GET
@sign_in_required
def deployment_overview(request: PageRequest, deployment_id: str) -> HttpResponse:
    """Show the configuration, the current state, and the playground."""
    deployment = deployment_or_404(request, deployment_id)
    return render(request, "deployments/overview.html", overview_context(request, deployment))


@require_GET
@sign_in_required
def deployment_status(request: PageRequest, deployment_id: str) -> HttpResponse:
    """Show the steps, the replicas with their attempts, and the last events."""
    deployment = deployment_or_404(request, deployment_id)
    context = page_context(request, deployment, "status")
    return render(request, "deployments/status.html", context | _status_context(context["state"]))


@require_GET
@sign_in_required
def deployment_events(request: PageRequest, deployment_id: str) -> HttpResponse:
    """Show all events, in pages."""
    deployment = deployment_or_404(request, deployment_id)
    context = page_context(request, deployment, "events") | _events_context(request, deployment)
    return render(request, "deployments/events.html", context)


@require_GET
def deployment_facts(request: HttpRequest, deployment_id: str) -> HttpResponse:
    """Answer the poll of a deployment's pages: 204 while they are unchanged, else the changed parts."""
    version = version_for(request, request.GET.get("group", ""), details_version(deployment_id))
    until = moment_from(request.GET.get("until", ""))
    if version and version == request.GET.get("v") and (until is None or timezone.now() < until):
        return HttpResponse(status=204)
    return _changed_facts(request, deployment_id)


@sign_in_required
def _changed_facts(request: PageRequest, deployment_id: str) -> HttpResponse:
    deployment = deployment_or_404(request, deployment_id)
    tab = request.GET.get("tab", "")
    if tab == "overview":
        context = overview_context(request, deployment)
    else:
        context = page_context(request, deployment, tab if tab in TABS else "logs")
        if tab == "status":
            context |= _status_context(context["state"])
        elif tab == "events":
            page = request.GET.get("page", "")
            request.GET = QueryDict(urlencode({"page": page} if page else {}))  # templates build links from it
            context |= _events_context(request, deployment)
    return render(request, "deployments/changed.html", context)


def page_context(request: PageRequest, deployment: Deployment, tab: str) -> dict[str, Any]:
    """Return the context of the header of each tab."""
    group_id = deployment.resource_group_id
    version = version_for(request, group_id, details_version(deployment.pk))
    state = state_of(deployment)
    now = timezone.now()
    ends_in = deployment.expires_at - now if deployment.expires_at else None
    progress = None if state.is_settled and deployment.status == Status.RUNNING else _progress(state)
    return {
        "section": "deployment",
        "deployment": deployment,
        "state": state,
        "tab": tab,
        "url": inference_url(deployment.pk) if state.serving else "",
        "ends_soon": ends_in is not None and ends_in < SOON,
        "runs": _runs(deployment),
        "verification": verification_of(state.serving),
        "why_not_update": reason_against(request, deployment, Action.UPDATE),
        "why_not_stop": reason_against(request, deployment, Action.STOP),
        "why_not_delete": reason_against(request, deployment, Action.DELETE),
        "may_edit": request.actor.may(Role.EDITOR),
        "event_count": DeploymentEvent.objects.filter(deployment=deployment).count(),
        "progress": progress,
        "rollback": deployment.latest_running_configuration if state.is_dead else None,
        "poll": _poll(request, deployment, tab, version, _changes_at(deployment, progress, now)),
        "poll_seconds": SETTLED_SECONDS if state.is_settled else CHANGING_SECONDS,
        "now": timezone.localtime(now),
    }


def overview_context(request: PageRequest, deployment: Deployment) -> dict[str, Any]:
    """Return the context of the Overview tab."""
    context = page_context(request, deployment, "overview")
    state: DeploymentState = context["state"]
    progress: Progress | None = context["progress"]
    newest = state.serving or state.newest
    context |= _values(request, state.configuration) | {
        "history": [(event, event.at - deployment.created_at) for event in status_changes(deployment)],
        "cause": deployment.message or (state.newest.message if state.newest else None),
        "plan": newest.server_spec.get("resource_plan", "") if newest else "",
    }
    if state.is_waiting:
        context |= _waiting(request, state)
    current = progress.current if progress else None
    if state.newest is not None and (state.is_dead or state.has_returned or (current and current.setback)):
        attempts = attempts_of(deployment, generation=state.newest.number)
        undone = current.step if current else None
        context |= {"attempts": attempts, "advice": remediation_for(state.newest, attempts, undone)}
    return context | playground_context(state)


def _values(request: PageRequest, configuration: Configuration) -> dict[str, Any]:
    """Return the parameters and input artifacts that match the search (`find`)."""
    artifacts = configuration.artifacts()
    find = request.GET.get("find", "").strip()[:256]
    text = find.casefold()
    return {
        "configuration": configuration,
        "find": find,
        "artifacts": artifacts,
        "parameters": [
            (name, value)
            for name, value in configuration.parameters.items()
            if text in name.casefold() or text in str(value).casefold()
        ],
        "inputs": [(slot, artifacts.get(slot)) for slot in configuration.inputs if text in slot.casefold()],
    }


def _waiting(request: PageRequest, state: DeploymentState) -> dict[str, Any]:
    """Return why a deployment waits: its request, the capacity, and the deployments that use it."""
    deployment = state.deployment
    connection = deployment.resource_group.connection
    held = [holder for holder in holders(connection) if holder.deployment_id != deployment.pk]
    room = capacity_of(connection)
    context: dict[str, Any] = {
        "need": resource_request_of(state.newest.configuration, connection) if state.newest else None,
        "room": room,
        "health": health_of(connection),
        "holders": [holder for holder in held if request.actor.sees(holder.group_id)],
    }
    if room is not None:
        total, used = room.total.memory_bytes / 1e9, room.reserved.memory_bytes / 1e9
        context["memory"] = {"total": total, "held": used, "high": total * 0.95, "low": total * 0.8}
    return context


def _events_context(request: PageRequest, deployment: Deployment) -> dict[str, Any]:
    events = DeploymentEvent.objects.filter(deployment=deployment)
    return {"page": Paginator(events, EVENTS_ON_A_PAGE).get_page(request.GET.get("page"))}


def _status_context(state: DeploymentState) -> dict[str, Any]:
    deployment = state.deployment
    return {
        "progress": _progress(state),
        "attempts": attempts_of(deployment),
        "replicas": replicas_of(deployment)[:20],
        "events": events_of(deployment),
    }


def _progress(state: DeploymentState) -> Progress | None:
    if state.newest is None:
        return None
    deployment = state.deployment
    ended = state.is_ending or bool(state.newest.outcome) or state.is_requested
    of_status = None if _runs(deployment) else deployment.message  # RUNNING is about the serving one
    message = None if ended else state.newest.waiting or of_status
    return progress_of(state.newest, now=timezone.now(), message=message, is_ending=state.is_ending)


def _runs(deployment: Deployment) -> bool:
    return deployment.status == Status.RUNNING


def _changes_at(deployment: Deployment, progress: Progress | None, now: datetime) -> datetime | None:
    """Return when the page changes with time alone: a step becomes slow, or the end of the duration is near."""
    moments = [progress.slow_at] if progress and progress.slow_at else []
    if deployment.expires_at and deployment.expires_at - SOON > now:
        moments.append(deployment.expires_at - SOON)
    if progress and (current := progress.current) and current.setback and current.setback.next_at:
        moments += [current.setback.next_at] if current.setback.next_at > now else []
    return min(moments, default=None)


def _poll(request: PageRequest, deployment: Deployment, tab: str, version: str, until: datetime | None) -> str:
    """Return the URL to poll; `until` is when the page changes with time alone."""
    query = {"group": deployment.resource_group_id, "tab": tab, "v": version}
    if until:
        query["until"] = until.isoformat()
    if tab == "events" and (page := request.GET.get("page", "")).isdecimal():
        query["page"] = page
    return f"{reverse('deployment-facts', args=[deployment.pk])}?{urlencode(query)}"
