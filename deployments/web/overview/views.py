"""The overview: the state of the workspace, kept up to date by polling."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from deployments.lifecycle import Status
from deployments.models import Executable, ResourceGroup
from deployments.queries.capacity import capacity_of
from deployments.queries.connection_health import health_of
from deployments.queries.overview import (
    counts_by_status,
    needing_attention,
    newest_deployments,
    overview_version,
    plans_in_use,
)
from deployments.web.shell.guards import PageRequest, enter_group, sign_in_required
from deployments.web.shell.meters import capacity_meters, meter
from deployments.web.shell.polling import version_for

STATUSES = (Status.RUNNING, Status.PENDING, Status.STOPPING, Status.STOPPED, Status.DEAD, Status.UNKNOWN)
FRESH_SECONDS = 60  # "waiting for long" and "ends soon" change with time alone, so the version changes once a minute


@require_GET
@sign_in_required
def overview(request: PageRequest) -> HttpResponse:
    return render(request, "overview/overview.html", _state(request))


@require_GET
def overview_state(request: HttpRequest) -> HttpResponse:
    """Answer the poll of the overview: 204 while it is unchanged, else its new content."""
    group_id, connection_id = request.GET.get("group", ""), request.GET.get("connection", "")
    if connection_id.isdecimal() and request.GET.get("v") == _version(request, group_id, int(connection_id)) != "":
        return HttpResponse(status=204)
    return _changed_state(request)


@sign_in_required
def _changed_state(request: PageRequest) -> HttpResponse:
    enter_group(request, request.GET.get("group", request.group.pk))
    return render(request, "overview/_state.html", _state(request))


def _version(request: HttpRequest, group_id: str, connection_id: int) -> str:
    salt = f"overview-{time.time() // FRESH_SECONDS}"
    return version_for(request, group_id, overview_version(connection_id), salt=salt)


def _state(request: PageRequest) -> dict[str, Any]:
    group, groups = request.group, request.workspace.groups
    version = _version(request, group.pk, group.connection_id)
    counts = counts_by_status(other.pk for other in groups)
    total = sum(counts[group.pk].values())
    attention, attention_total = needing_attention(group.pk, now=timezone.now())
    poll = {"group": str(group.pk), "connection": str(group.connection_id), "v": version}
    return {
        "poll": f"{reverse('overview-state')}?{urlencode(poll)}",
        "counts": [_count(status, counts[group.pk][status]) for status in STATUSES],
        "total": total,
        "attention": attention,
        "attention_total": attention_total,
        "newest": newest_deployments(group.pk),
        "meters": _meters(group, total),
        "health": health_of(group.connection),
        "plans": plans_in_use(group.connection),
        "groups": _groups(groups, group, counts) if len(groups) > 1 else [],
        "has_templates": bool(total) or Executable.objects.exists(),
        "now": timezone.localtime(),
    }


def _count(status: Status, number: int) -> dict[str, Any]:
    return {"status": status.value, "number": number, "url": f"{reverse('deployments')}?status={status.value}"}


def _meters(group: ResourceGroup, deployments: int) -> list[dict[str, Any]]:
    meters = capacity_meters(capacity_of(group.connection))
    if group.deployment_quota is not None:
        meters.append(meter(gettext("Deployments"), deployments, group.deployment_quota))
    return meters


def _groups(groups: Any, chosen: ResourceGroup, counts: Any) -> list[dict[str, Any]]:
    return [
        {
            "group": group,
            "counts": [counts[group.pk][status] for status in STATUSES],
            "total": sum(counts[group.pk].values()),
            "current": group.pk == chosen.pk,
        }
        for group in groups
    ]
