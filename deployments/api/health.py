"""`/healthz`: whether everything that Launchpad needs answers now. For the terminal, load balancers and monitors."""

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
    """Answer 200 when all parts work, else 503 naming those that do not. Says nothing that needs a secret."""
    problems = [problem for ask in _PARTS if (problem := ask())]
    if problems:
        return JsonResponse({"status": "unavailable", "version": VERSION, "problems": problems}, status=503)
    return JsonResponse({"status": "ok", "version": VERSION})


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "the database does not answer"
    return ""


def _broker_and_worker() -> str:
    try:
        return "" if broker.has_heartbeat() else "no worker has been at work lately"
    except RedisError:
        return "the broker does not answer"


def _gateway() -> str:
    return "" if sync.is_alive() else "the gateway does not answer"


_PARTS: tuple[Callable[[], str], ...] = (_database, _broker_and_worker, _gateway)
