"""Connections: where model servers run, and how much of each is in use."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from deployments.queries import administration
from deployments.queries.capacity import capacity_of, holders
from deployments.queries.connection_health import health_of, healths_of
from deployments.web.shell.guards import PageRequest, administrator_required
from deployments.web.shell.meters import meters_of
from deployments.web.shell.paging import page_of


@require_GET
@administrator_required
def connection_list(request: PageRequest) -> HttpResponse:
    page = page_of(request, administration.connections(request.actor))
    healths = healths_of(page)
    rows = [(row, meters_of(capacity_of(row)), healths[row.pk]) for row in page]
    return render(request, "administration/connections.html", {"title": _("Connections"), "page": page, "rows": rows})


@require_GET
@administrator_required
def connection(request: PageRequest, name: str) -> HttpResponse:
    """Show what a connection has, who holds it, and its resource groups."""
    found = get_object_or_404(administration.connections(request.actor), name=name)
    context = {
        "connection": found,
        "meters": meters_of(capacity_of(found)),
        "health": health_of(found),
        "holders": holders(found),
        "groups": administration.resource_groups(request.actor).filter(connection=found),
    }
    return render(request, "administration/connection.html", context)
