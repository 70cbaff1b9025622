"""Times in the reader's own time zone, which the page's script writes into a cookie, and where a request is from."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from deployments.operations.audit import Origin, coming_from

TIME_ZONE_COOKIE = "tz"


def reader_time_zone(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Activate the zone of the cookie while a request is answered; without a valid one the setting's stays."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with timezone.override(_zone(unquote(request.COOKIES.get(TIME_ZONE_COOKIE, "")))):
            return get_response(request)

    return middleware


def client_address(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Let REMOTE_ADDR be the client's address.

    Each proxy adds the address it was called from at the end of X-Forwarded-For; what stands before those that ours
    have added is whatever the client likes to say. A request through the unix socket has no address of its own: the
    gateway, which alone can connect to it, has added that.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        told = request.headers.get("X-Forwarded-For", "").split(",")
        if not request.META.get("REMOTE_ADDR"):
            request.META["REMOTE_ADDR"] = told.pop().strip()
        if 0 < settings.LAUNCHPAD_PROXIES <= len(told):
            address = told[-settings.LAUNCHPAD_PROXIES].strip()
            with suppress(ValueError):  # a proxy that says "unknown": its own address stays
                request.META["REMOTE_ADDR"] = str(ip_address(address))
        return get_response(request)

    return middleware


def note_origin(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Let the audit log know where the changes of a request come from."""

    def middleware(request: HttpRequest) -> HttpResponse:
        first = request.path.split("/", 2)[1]
        channel = {"v2": "api", "oauth": "api", "admin": "admin"}.get(first, "page")
        with coming_from(Origin(channel=channel, address=request.META.get("REMOTE_ADDR") or None)):
            return get_response(request)

    return middleware


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo | None:
    if not name or len(name) > 64:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, LookupError, OSError):  # a path, an unknown name, the name of a folder of zones
        return None
