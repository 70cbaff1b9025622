"""Whether servers in containers are healthy, as their `readinessProbe` says."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field

from deployments import reasons
from deployments.lifecycle import ReplicaPhase
from deployments.runtimes.base import HealthCheck
from deployments.runtimes.health_probe import Health, probe

MAX_SECONDS = 3.0  # for one answer: a server that hangs must not delay the others of its connection
_FORGOTTEN_AFTER = 600.0  # seconds without a look


@dataclass
class _History:
    asked_at: float
    health: Health
    failures: int = 0


@dataclass
class HealthChecks:
    """What servers answered before: needed for the pause between two checks, and for failures in a row."""

    _known: dict[str, _History] = field(default_factory=dict)

    def ask(
        self, container: str, check: HealthCheck, host: str, port: int, *, age: float, was_healthy: bool
    ) -> Health:
        """Return how healthy a server is.

        Args:
            container: its id.
            age: seconds since it was started.
            was_healthy: whether it was when it was last looked at.
        """
        if age < check.initial_delay_seconds and not was_healthy:
            return Health(phase=ReplicaPhase.STARTING)
        now = time.monotonic()
        before = self._known.get(container)
        if before is not None and now - before.asked_at < check.period_seconds and was_healthy:
            return before.health
        found = _ask(check, host, port)
        failures = 0 if found.phase is ReplicaPhase.HEALTHY else (before.failures if before else 0) + 1
        if was_healthy and 0 < failures < check.failure_threshold:
            found = Health(phase=ReplicaPhase.HEALTHY)
        self._known = {one: seen for one, seen in self._known.items() if now - seen.asked_at < _FORGOTTEN_AFTER}
        self._known[container] = _History(asked_at=now, health=found, failures=failures)
        return found


def _ask(check: HealthCheck, host: str, port: int) -> Health:
    timeout = min(MAX_SECONDS, max(1.0, check.timeout_seconds))
    if not check.path:
        try:
            socket.create_connection((host, port), timeout=timeout).close()
        except OSError:
            return Health(phase=ReplicaPhase.STARTING)
        return Health(phase=ReplicaPhase.HEALTHY)
    began = time.monotonic()
    found = probe(host, port, check.path, headers=check.headers, timeout=timeout)
    is_silent = found.detail is not None and found.detail.reason == reasons.HEALTH_TIMED_OUT.code
    if is_silent and time.monotonic() - began < timeout / 2:
        # A published port is open before the server's is: what the engine has put there hangs up at once.
        return Health(phase=ReplicaPhase.STARTING)
    return found
