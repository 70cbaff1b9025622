"""The broker: sends tasks without blocking the sender for long, and keeps the heartbeat of the workers."""

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
RETRY_INTERVAL = 5.0  # seconds without another attempt after one that failed


class BrokerUnavailable(Exception):
    """The broker does not respond, or failed to within the last RETRY_INTERVAL."""


class _CircuitBreaker:
    """Until when nothing is sent (monotonic seconds): a broker that hangs costs one sender a second, not each."""

    open_until = 0.0


@contextmanager
def producer() -> Iterator[Producer]:
    """Provide a producer whose every network operation takes TIMEOUT_SECONDS at most.

    Raises:
        BrokerUnavailable: nothing was sent, or possibly nothing.
    """
    if time.monotonic() < _CircuitBreaker.open_until:
        raise BrokerUnavailable("The broker did not respond a moment ago.")
    try:
        with producers[_connection()].acquire(block=True, timeout=TIMEOUT_SECONDS) as pooled:
            try:
                yield pooled
            except (OperationalError, RedisError, OSError):
                pooled.connection.collect(TIMEOUT_SECONDS)  # its sockets may still hang when the broker is back
                raise
    except (OperationalError, RedisError, OSError) as error:
        _CircuitBreaker.open_until = time.monotonic() + RETRY_INTERVAL
        raise BrokerUnavailable(str(error)) from error


@cache
def _connection() -> Connection:
    options = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
    return app.connection_for_write(transport_options={**app.conf.broker_transport_options, **options})


@contextmanager
def store() -> Iterator[Redis]:
    """Provide a client for what is kept beside the queue for a while, behind the same circuit breaker.

    Raises:
        BrokerUnavailable: it does not respond.
    """
    if time.monotonic() < _CircuitBreaker.open_until:
        raise BrokerUnavailable("The broker did not respond a moment ago.")
    try:
        yield _client(settings.BROKER_URL)
    except RedisError as error:
        _CircuitBreaker.open_until = time.monotonic() + RETRY_INTERVAL
        raise BrokerUnavailable(str(error)) from error


def record_heartbeat() -> None:
    """Record that a worker is running; called with each sweep.

    Raises:
        BrokerUnavailable: the broker does not respond.
    """
    with store() as client:
        client.set(HEARTBEAT_KEY, "1", ex=HEARTBEAT_SECONDS)


def has_heartbeat() -> bool:
    """Return whether a worker has swept within HEARTBEAT_SECONDS.

    Raises:
        redis.RedisError: the broker does not respond.
    """
    return bool(_client(settings.BROKER_URL).exists(HEARTBEAT_KEY))


def client_url(broker_url: str) -> str:
    """Convert a broker URL of Celery to the form that the Redis client understands.

    They differ for unix sockets: `redis+socket:///path?virtual_host=1` is `unix:///path?db=1`.
    """
    parts = urlsplit(broker_url)
    if parts.scheme != "redis+socket":
        return broker_url
    query = urlencode([({"virtual_host": "db"}.get(name, name), value) for name, value in parse_qsl(parts.query)])
    return f"unix://{parts.path}{'?' if query else ''}{query}"


@cache
def _client(broker_url: str) -> Redis:
    # One attempt each: callers need the current state, soon.
    return Redis.from_url(
        client_url(broker_url),
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
