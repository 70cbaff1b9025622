"""The broker: carries tasks without holding up who sends them, and tells whether a worker has been alive lately."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.conf import settings
from kombu import Connection, Producer
from kombu.exceptions import OperationalError
from kombu.pools import producers
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from launchpad.celery import app

HEARTBEAT_KEY = "launchpad:worker"
HEARTBEAT_SECONDS = 10  # five sweeps
TIMEOUT_SECONDS = 1.0
AWAY_SECONDS = 5.0  # without another try after one that failed


class Away(Exception):
    """The broker does not answer, or did not a moment ago."""


class _Silence:
    """Until when nothing is sent: a broker that hangs costs one sender a second, not each of them."""

    until = 0.0


@contextmanager
def producer() -> Iterator[Producer]:
    """Lend a producer to send with, whose every step takes a second at most.

    Raises:
        Away: nothing was sent, or not for sure.
    """
    if time.monotonic() < _Silence.until:
        raise Away("The broker did not answer a moment ago.")
    try:
        with producers[_connection()].acquire(block=True, timeout=TIMEOUT_SECONDS) as lent:
            try:
                yield lent
            except (OperationalError, RedisError, OSError):
                lent.connection.collect(TIMEOUT_SECONDS)  # what it has open may still hang when the broker is back
                raise
    except (OperationalError, RedisError, OSError) as error:
        _Silence.until = time.monotonic() + AWAY_SECONDS
        raise Away(str(error)) from error


@cache
def _connection() -> Connection:
    options = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
    return app.connection_for_write(transport_options={**app.conf.broker_transport_options, **options})


def record_heartbeat() -> None:
    """Say that a worker is at work; called with each sweep.

    Raises:
        redis.RedisError: the broker does not answer.
    """
    _client(settings.BROKER_URL).set(HEARTBEAT_KEY, "1", ex=HEARTBEAT_SECONDS)


def has_heartbeat() -> bool:
    """Return whether a worker has swept within HEARTBEAT_SECONDS.

    Raises:
        redis.RedisError: the broker does not answer.
    """
    return bool(_client(settings.BROKER_URL).exists(HEARTBEAT_KEY))


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
