"""What open pages ask for beside what they show: whether Launchpad is there, and whether there is news."""

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
    """Answer at once, to anybody and without a query. What else works is told by `/healthz`."""
    return HttpResponse(status=204)


@require_GET
@never_cache
def unread(request: HttpRequest) -> HttpResponse:
    """Answer the poll of the bell: 204 while the number is the same, else the bell.

    Somebody whose session is over gets 204 too: a page with a half-filled form must not be left because of the bell.
    """
    user = request.user
    if not isinstance(user, User) or str(unread_count(user)) == request.GET.get("v"):
        return HttpResponse(status=204)
    return _changed_bell(request)


@require_GET
@never_cache
def notice(request: HttpRequest) -> HttpResponse:
    """Answer the poll of a message: 204 while what it says is being done, else nothing, in its place."""
    query = {name: request.GET.get(name, "")[:4096] for name in ("action", "ids", "generation")}
    return HttpResponse(status=204) if is_true(request, query) else HttpResponse()


@sign_in_required
def _changed_bell(request: PageRequest) -> HttpResponse:
    return render(request, "components/bell.html")
