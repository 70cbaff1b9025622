"""`/healthz`: whether all parts of Launchpad respond. For the terminal, load balancers and monitoring."""

from __future__ import annotations

from collections.abc import Callable

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis import RedisError

from deployments import broker
from deployments.gateway import sync
from launchpad.version import VERSION


@require_safe
@never_cache
def health(request: HttpRequest) -> HttpResponse:
    """Answer 200 when all parts work, else 503 with those that do not. Public, so without confidential details."""
    problems = [problem for check in _CHECKS if (problem := check())]
    if problems:
        return JsonResponse({"status": "unavailable", "version": VERSION, "problems": problems}, status=503)
    return JsonResponse({"status": "ok", "version": VERSION})


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "the database does not respond"
    return ""


def _broker_and_worker() -> str:
    try:
        return "" if broker.has_heartbeat() else "no worker has sent a heartbeat lately"
    except RedisError:
        return "the broker does not respond"


def _gateway() -> str:
    return "" if sync.is_alive() else "the gateway does not respond"


_CHECKS: tuple[Callable[[], str], ...] = (_database, _broker_and_worker, _gateway)
