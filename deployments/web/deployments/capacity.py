"""The tabs Scaling and Resources of one deployment; usage is measured every few seconds while a page is open."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from deployments.models import ResourcePlan
from deployments.queries.capacity import capacity_of, holders, in_words
from deployments.queries.connection_health import health_of
from deployments.queries.deployment_details import DeploymentState
from deployments.queries.deployment_usage import get_usage, scale_of
from deployments.web.deployments.common import deployment_or_404
from deployments.web.deployments.details import page_context
from deployments.web.shell.guards import PageRequest, sign_in_required
from deployments.web.shell.meters import capacity_meters


@require_GET
@sign_in_required
def deployment_scaling(request: PageRequest, deployment_id: str) -> HttpResponse:
    """Show the limits of the replicas, how many run, and the state of each."""
    return _tab(request, deployment_id, "scaling")


@require_GET
@sign_in_required
def deployment_resources(request: PageRequest, deployment_id: str) -> HttpResponse:
    """Show the plan, the reserved resources, their usage, and what the connection has."""
    return _tab(request, deployment_id, "resources")


def _tab(request: PageRequest, deployment_id: str, tab: str) -> HttpResponse:
    deployment = deployment_or_404(request, deployment_id)
    context = page_context(request, deployment, tab)
    state: DeploymentState = context["state"]
    health = health_of(deployment.resource_group.connection)
    scale = scale_of(state.serving or state.newest)
    context |= {"usage": get_usage(deployment), "health": health, "scale": scale}
    if tab == "resources":
        context |= _resources(context, request)
    if request.htmx and request.GET.get("part") == tab:
        return render(request, f"deployments/_{tab}.html", context)
    return render(request, f"deployments/{tab}.html", context)


def _resources(context: dict[str, Any], request: PageRequest) -> dict[str, Any]:
    scale, usage = context["scale"], context["usage"]
    connection = context["deployment"].resource_group.connection
    plan = ResourcePlan.objects.filter(pk=scale.plan).first() if scale else None
    return {
        "plan": plan,
        "plan_words": in_words(plan.resources) if plan else "",
        "reserved_words": in_words(usage.reserved),
        "connection": connection,
        "meters": capacity_meters(capacity_of(connection)),
        "holders": [holder for holder in holders(connection) if request.actor.sees(holder.group_id)],
    }
