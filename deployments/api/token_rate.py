"""How often somebody may ask for access tokens: per program and address, and ten times that per address.

Counted in each web process on its own, so that tokens are given also while nothing but the database works.
"""

from __future__ import annotations

import hashlib
import math

from django.conf import settings
from django.http import HttpRequest
from ninja.throttling import SimpleRateThrottle

PER_ADDRESS = 10  # programs that may ask as often as they may from one address


class _PerProgram(SimpleRateThrottle):
    def get_cache_key(self, request: HttpRequest) -> str:
        credentials = request.headers.get("Authorization") or request.POST.get("client_id", "")
        return _key(request, credentials)


class _PerAddress(SimpleRateThrottle):
    def get_cache_key(self, request: HttpRequest) -> str:
        return _key(request)


def seconds_to_wait(request: HttpRequest) -> int:
    """Count a request and return how long to wait before the next one, 0 when this one may be answered."""
    rate = settings.LAUNCHPAD_TOKENS_PER_MINUTE
    for throttle in (_PerAddress(f"{rate * PER_ADDRESS}/min"), _PerProgram(f"{rate}/min")):
        if not throttle.allow_request(request):
            return max(1, math.ceil(throttle.wait() or 60))
    return 0


def _key(request: HttpRequest, *parts: str) -> str:
    told = "\0".join((request.META.get("REMOTE_ADDR", ""), *parts))
    return f"tokens-{hashlib.sha256(told.encode(errors='surrogatepass')).hexdigest()}"
