"""The meters of the capacity of a connection or a node."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext

from deployments.scheduling.capacity import Capacity, NodeCapacity

WARNING, ALARM = 0.75, 0.9  # fractions of the total at which a meter changes its colour


def capacity_meters(capacity: Capacity | NodeCapacity | None) -> list[dict[str, Any]]:
    """Return the reserved and the total resources: memory in bytes, CPU in cores; empty while they are not known."""
    if capacity is None:
        return []
    meters = [
        meter(gettext("Memory"), capacity.reserved.memory_bytes, capacity.total.memory_bytes, kind="bytes"),
        meter(gettext("CPU"), capacity.reserved.cpu_millis / 1000, capacity.total.cpu_millis / 1000),
    ]
    if capacity.total.gpus or capacity.reserved.gpus:
        meters.append(meter(gettext("GPUs"), capacity.reserved.gpus, capacity.total.gpus))
    return meters


def meter(name: str, used: float, total: float, *, kind: str = "") -> dict[str, Any]:
    """Return one meter; `kind` is "bytes" for amounts of memory."""
    return {
        "name": name,
        "used": used,
        "total": total,
        "kind": kind,
        "low": total * WARNING,
        "high": total * ALARM,
        "is_full": used >= total,
    }
