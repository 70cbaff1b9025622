"""The answer to a request that an exception has ended: busy where that passes by itself, else a fault of ours."""

from __future__ import annotations

import sys

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

RETRY_SECONDS = 5


def failed(request: HttpRequest) -> HttpResponse:
    """Answer 503 when the database let nobody write in time, else 500; Django calls it while the exception is caught.

    The pages are made without the request: what it needs from the database may be what failed.
    """
    if isinstance(sys.exc_info()[1], OperationalError):
        page = render_to_string("503.html")
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"})
    return HttpResponse(render_to_string("500.html"), status=500)
