"""The polls of all open pages: whether Launchpad responds, notifications, notices."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from deployments.models import User
from deployments.queries.notifications import unread_count
from deployments.web.shell.guards import PageRequest, sign_in_required
from deployments.web.shell.notices import is_true


@require_safe
@never_cache
def ping(request: HttpRequest) -> HttpResponse:
    """Answer at once, without authentication and queries. `/healthz` reports on all parts."""
    return HttpResponse(status=204)


@require_GET
@never_cache
def unread(request: HttpRequest) -> HttpResponse:
    """Answer the poll of the bell: 204 while the number is the same, else the bell.

    An expired session is answered with 204 too: the bell must not make a user lose a half-filled form.
    """
    user = request.user
    if not isinstance(user, User) or str(unread_count(user)) == request.GET.get("v"):
        return HttpResponse(status=204)
    return _changed_bell(request)


@require_GET
@never_cache
def notice(request: HttpRequest) -> HttpResponse:
    """Answer the poll of a notice: 204 while its action is in progress, else empty content that replaces it."""
    query = {name: request.GET.get(name, "")[:4096] for name in ("action", "ids", "generation")}
    return HttpResponse(status=204) if is_true(request, query) else HttpResponse()


@sign_in_required
def _changed_bell(request: PageRequest) -> HttpResponse:
    return render(request, "components/bell.html")
