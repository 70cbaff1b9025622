"""What containers use, measured between two looks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from docker import APIClient
from docker.errors import APIError
from requests.exceptions import JSONDecodeError

_FRESH_SECONDS = 1.0
_FORGOTTEN_AFTER = 600.0  # seconds


@dataclass(frozen=True, kw_only=True)
class _Look:
    at: float
    cpu: float  # seconds
    percent: float | None
    memory: int | None


@dataclass
class Usage:
    """Remembers the look before, and the last memory of containers that have ended."""

    _known: dict[str, _Look] = field(default_factory=dict)

    def of(self, client: APIClient, container: str) -> tuple[float | None, int | None]:
        """Return CPU (percent of one core, None at the first look) and memory (bytes) of a container that runs."""
        now = time.monotonic()
        before = self._known.get(container)
        if before is not None and now - before.at < _FRESH_SECONDS:
            return before.percent, before.memory
        try:
            stats: Mapping[str, Any] = client.stats(container, stream=False, one_shot=True)
        except (APIError, JSONDecodeError):
            return None, None  # it has ended meanwhile: Podman answers nothing then
        cpu = float(stats.get("cpu_stats", {}).get("cpu_usage", {}).get("total_usage") or 0) / 1e9
        percent = max(0.0, 100 * (cpu - before.cpu) / (now - before.at)) if before else None
        look = _Look(at=now, cpu=cpu, percent=percent, memory=_memory(stats.get("memory_stats") or {}))
        self._known = {key: entry for key, entry in self._known.items() if now - entry.at < _FORGOTTEN_AFTER}
        self._known[container] = look
        return look.percent, look.memory

    def last_memory(self, container: str) -> int | None:
        """Return what a container used when it was last measured."""
        last = self._known.get(container)
        return last.memory if last else None


def _memory(stats: Mapping[str, Any]) -> int | None:
    """Return the memory in use, without files that the kernel may drop."""
    if "usage" not in stats:
        return None
    parts = stats.get("stats") or {}
    cached = parts.get("total_inactive_file", parts.get("inactive_file", 0))
    return max(0, int(stats["usage"]) - int(cached or 0))
