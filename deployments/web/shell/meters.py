"""What the meters of a connection's capacity show."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext

from deployments.scheduling.placement import Capacity

WARNING, ALARM = 0.75, 0.9  # parts of the whole from which on a meter changes its colour


def meters_of(room: Capacity | None) -> list[dict[str, Any]]:
    """Return what is held and how much there is: memory in bytes, CPU in cores; nothing while that is not known."""
    if room is None:
        return []
    meters = [
        meter(gettext("Memory"), room.held.memory_bytes, room.total.memory_bytes, kind="bytes"),
        meter(gettext("CPU"), room.held.cpu_millis / 1000, room.total.cpu_millis / 1000),
    ]
    if room.total.gpus or room.held.gpus:
        meters.append(meter(gettext("GPUs"), room.held.gpus, room.total.gpus))
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
