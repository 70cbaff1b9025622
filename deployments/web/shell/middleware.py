"""Middleware: the user's time zone (from a cookie of the page's script), and the origin of a request."""

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
    """Activate the cookie's time zone during a request; without a valid one that of the settings is used."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with timezone.override(_zone(unquote(request.COOKIES.get(TIME_ZONE_COOKIE, "")))):
            return get_response(request)

    return middleware


def client_address(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Set REMOTE_ADDR to the client's address.

    Each proxy appends its client's address to X-Forwarded-For; everything before the addresses that our own proxies
    have appended can be forged by the client. A request through the unix socket has no address: the gateway, which
    alone can connect to it, has appended it.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        addresses = request.headers.get("X-Forwarded-For", "").split(",")
        if not request.META.get("REMOTE_ADDR"):
            request.META["REMOTE_ADDR"] = addresses.pop().strip()
        if 0 < settings.LAUNCHPAD_PROXIES <= len(addresses):
            address = addresses[-settings.LAUNCHPAD_PROXIES].strip()
            with suppress(ValueError):  # a proxy may send "unknown": then its own address stays
                request.META["REMOTE_ADDR"] = str(ip_address(address))
        return get_response(request)

    return middleware


def note_origin(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Set the origin of a request for the audit log."""

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
