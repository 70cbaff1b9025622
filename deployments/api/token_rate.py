"""The rate limits of access tokens: per program and client address, and ten times that per client address.

Counted in each web process separately, so that tokens are issued even while only the database works.
"""

from __future__ import annotations

import hashlib
import math

from django.conf import settings
from django.http import HttpRequest
from ninja.throttling import SimpleRateThrottle

PER_ADDRESS = 10  # programs that may use their full rate from one address


class _PerProgram(SimpleRateThrottle):
    def get_cache_key(self, request: HttpRequest) -> str:
        credentials = request.headers.get("Authorization") or request.POST.get("client_id", "")
        return _key(request, credentials)


class _PerAddress(SimpleRateThrottle):
    def get_cache_key(self, request: HttpRequest) -> str:
        return _key(request)


def seconds_to_wait(request: HttpRequest) -> int:
    """Count a request and return the seconds to wait before the next one, 0 when this one is allowed."""
    rate = settings.LAUNCHPAD_TOKENS_PER_MINUTE
    for throttle in (_PerAddress(f"{rate * PER_ADDRESS}/min"), _PerProgram(f"{rate}/min")):
        if not throttle.allow_request(request):
            return max(1, math.ceil(throttle.wait() or 60))
    return 0


def _key(request: HttpRequest, *parts: str) -> str:
    parts_text = "\0".join((request.META.get("REMOTE_ADDR", ""), *parts))
    return f"tokens-{hashlib.sha256(parts_text.encode(errors='surrogatepass')).hexdigest()}"
