"""The answer to a request that raised an exception: database busy, disk full, or an internal error."""

from __future__ import annotations

import sys

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from deployments.storage.disk_space import is_disk_full

RETRY_SECONDS = 5


def failed(request: HttpRequest) -> HttpResponse:
    """Answer 507 when the disk is full, 503 when the database was locked for too long, else 500.

    Django calls it while the exception is handled, after the rollback. The pages are rendered without
    the request, since that would need the database, which may have failed.
    """
    error = sys.exc_info()[1]
    if is_disk_full(error):
        return HttpResponse(render_to_string("507.html"), status=507, headers={"Cache-Control": "no-store"})
    if isinstance(error, OperationalError):
        page = render_to_string("503.html")
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"})
    return HttpResponse(render_to_string("500.html"), status=500)
