"""Images that were pulled for us and are not in use: how large they are, and their removal."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from deployments.errors import RuntimeUnavailable
from deployments.models import Connection
from deployments.operations.connections import remove_unused_images, request_unused_images
from deployments.queries import administration
from deployments.queries.inquiries import unused_images
from deployments.web.administration.frames import question_page
from deployments.web.shell.guards import PageRequest, administrator_required


@require_GET
@administrator_required
def connection_images(request: PageRequest, name: str) -> HttpResponse:
    """Ask a worker for the images, and show them once it has answered; htmx gets the table alone."""
    connection = _connection_or_404(request, name)
    inquiry_id = request.GET.get("inquiry") or request_unused_images(request.actor, connection)
    context = {
        "connection": connection,
        "unused": unused_images(request.actor, connection, inquiry_id),
        "title": _("Images"),
        "poll": _address(connection, inquiry_id),
    }
    template = "_connection_images" if request.htmx and not request.htmx.boosted else "connection_images"
    return render(request, f"administration/{template}.html", context)


@require_http_methods(["GET", "POST"])
@administrator_required
def connection_images_remove(request: PageRequest, name: str) -> HttpResponse:
    """Have the images that are not in use removed, after a confirmation."""
    connection = _connection_or_404(request, name)

    def remove() -> HttpResponse:
        address = _address(connection, remove_unused_images(request.actor, connection))
        return HttpResponseClientRedirect(address) if request.htmx else redirect(address)

    back = reverse("connection-images", args=[connection.name])
    return question_page(request, "connection_images_remove", {"connection": connection}, remove, back=back)


def _address(connection: Connection, inquiry_id: str) -> str:
    page = reverse("connection-images", args=[connection.name])
    return f"{page}?{urlencode({'inquiry': inquiry_id})}"


def _connection_or_404(request: PageRequest, name: str) -> Connection:
    """Return a connection whose kind runs images; others have no such page."""
    connection = get_object_or_404(administration.connections(request.actor), name=name)
    try:
        has_images = connection.driver.capabilities.images
    except RuntimeUnavailable as error:
        raise Http404 from error
    if not has_images:
        raise Http404
    return connection
