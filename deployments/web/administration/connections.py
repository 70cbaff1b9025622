"""Connections to runtimes, and how much of their capacity is in use."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from deployments.errors import RuntimeUnavailable
from deployments.models import Connection
from deployments.queries import administration
from deployments.queries.capacity import capacity_of, holders, in_words, several_nodes
from deployments.queries.connection_health import health_of, healths_of
from deployments.scheduling.capacity import NOTHING
from deployments.web.shell.guards import PageRequest, administrator_required
from deployments.web.shell.meters import capacity_meters
from deployments.web.shell.paging import page_of


@require_GET
@administrator_required
def connection_list(request: PageRequest) -> HttpResponse:
    page = page_of(request, administration.connections(request.actor))
    healths = healths_of(page)
    rows = [(row, capacity_meters(capacity_of(row)), healths[row.pk]) for row in page]
    offers = administration.connection_offers(request.actor)
    context = {"title": _("Connections"), "page": page, "rows": rows, "offers": offers}
    return render(request, "administration/connections.html", context)


@require_GET
@administrator_required
def connection(request: PageRequest, name: str) -> HttpResponse:
    """Show the capacity of a connection and of its nodes, the deployments that use most of it, and its groups."""
    row = get_object_or_404(administration.connections(request.actor), name=name)
    capacity = capacity_of(row)
    context = {
        "connection": row,
        "meters": capacity_meters(capacity),
        "nodes": [(node, capacity_meters(node)) for node in several_nodes(row, capacity)],
        "elsewhere": in_words(capacity.elsewhere) if capacity and capacity.elsewhere != NOTHING else "",
        "health": health_of(row),
        "has_images": _has_images(row),
        "holders": holders(row),
        "groups": administration.resource_groups(request.actor).filter(connection=row),
    }
    return render(request, "administration/connection.html", context)


def _has_images(connection: Connection) -> bool:
    """Return whether its kind keeps container images; False for a kind that this version does not have."""
    try:
        return connection.driver.capabilities.images
    except RuntimeUnavailable:
        return False
