"""What is asked of the broker beside carrying tasks: does it answer, and has a worker been alive lately."""

from __future__ import annotations

from functools import cache
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PULSE_KEY = "launchpad:worker"
PULSE_SECONDS = 10  # five sweeps
TIMEOUT_SECONDS = 1.0


def note_pulse() -> None:
    """Say that a worker is at work; called with each sweep.

    Raises:
        redis.RedisError: the broker does not answer.
    """
    _client(settings.BROKER_URL).set(PULSE_KEY, "1", ex=PULSE_SECONDS)


def has_pulse() -> bool:
    """Return whether a worker has swept within PULSE_SECONDS.

    Raises:
        redis.RedisError: the broker does not answer.
    """
    return bool(_client(settings.BROKER_URL).exists(PULSE_KEY))


def client_url(broker_url: str) -> str:
    """Return the address that the Redis client understands for one that Celery understands.

    They differ for unix sockets: `redis+socket:///path?virtual_host=1` is `unix:///path?db=1`.
    """
    parts = urlsplit(broker_url)
    if parts.scheme != "redis+socket":
        return broker_url
    query = urlencode([({"virtual_host": "db"}.get(name, name), value) for name, value in parse_qsl(parts.query)])
    return f"unix://{parts.path}{'?' if query else ''}{query}"


@cache
def _client(broker_url: str) -> Redis:
    # One attempt each: whoever asks wants to know how it is now.
    return Redis.from_url(
        client_url(broker_url),
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
