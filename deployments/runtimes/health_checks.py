"""Asks servers for their health as the readiness probe of their template says it (`base.HealthCheck`).

What a server answered before is kept in memory alone: it is needed for the pause between two checks, and to count
failures in a row. Who does not know it yet asks.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from threading import Lock

from deployments.lifecycle import ReplicaPhase
from deployments.runtimes.base import HealthCheck
from deployments.runtimes.health_probe import Health, probe

MAX_SECONDS = 3.0  # for one answer: a server that hangs must not delay the others of its connection
HANG_UP_SECONDS = 0.1  # in which a proxy that finds no server behind it closes the connection
_FORGOTTEN_AFTER = 600.0  # seconds without a look


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What a server answered last.

    Args:
        at: when it was asked, on the monotonic clock.
        failures: checks that have failed in a row.
    """

    at: float
    health: Health
    failures: int


@dataclass
class HealthChecks:
    """Asks the servers of one runtime; used by several threads."""

    _answers: dict[str, _Answer] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def ask(self, server: str, check: HealthCheck, host: str, port: int, *, age: float, was_healthy: bool) -> Health:
        """Return how healthy a server is.

        The period of a check is for healthy servers: one that is starting is asked whenever somebody looks.

        Args:
            server: identifies this start of the server.
            port: the one to ask, where the check's port is reached.
            age: seconds since it was started.
            was_healthy: the result of the previous check.
        """
        if age < check.initial_delay_seconds and not was_healthy:
            return Health(phase=ReplicaPhase.STARTING)
        before = self._answers.get(server)
        if before and was_healthy and time.monotonic() - before.at < check.period_seconds:
            return before.health
        health = asked(check, host, port)
        failures = 0 if health.phase is ReplicaPhase.HEALTHY else (before.failures if before else 0) + 1
        if was_healthy and 0 < failures < check.failure_threshold:
            health = Health(phase=ReplicaPhase.HEALTHY)
        now = time.monotonic()
        with self._lock:
            self._answers = {key: entry for key, entry in self._answers.items() if now - entry.at < _FORGOTTEN_AFTER}
            self._answers[server] = _Answer(at=now, health=health, failures=failures)
        return health


def asked(check: HealthCheck, host: str, port: int) -> Health:
    """Ask a server now."""
    timeout = min(MAX_SECONDS, check.timeout_seconds)
    if not check.path:
        is_open = is_port_open(host, port, timeout)
        return Health(phase=ReplicaPhase.HEALTHY if is_open else ReplicaPhase.STARTING)
    return probe(host, port, check.path, headers=check.headers, timeout=timeout)


def is_port_open(host: str, port: int, timeout: float) -> bool:
    """Return whether a connection is accepted, and not closed at once as by a proxy without a server behind it."""
    try:
        with socket.create_connection((host, port), timeout=timeout) as connection:
            connection.settimeout(min(timeout, HANG_UP_SECONDS))
            try:
                return connection.recv(1) != b""
            except TimeoutError:
                return True  # it waits for us to speak, as HTTP servers do
    except OSError:
        return False
