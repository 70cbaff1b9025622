"""Corrects times that were written before the clock was set back.

Nothing may wait for them: a time that is further in the future than any that is ever written is replaced by now.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from deployments.models import Generation, Replica
from deployments.reconciler.core.replica_plan import RESTART_PAUSE_MAX

CLOCK_SLACK = timedelta(seconds=5)  # by which a time may be in the future without a changed clock
_OF_GENERATION = ("began_at", "verified_at", "draining_since")
_OF_REPLICA = ("launched_at", "healthy_since", "unhealthy_since")


def is_ahead(at: datetime | None, now: datetime, allowed: timedelta = timedelta(0)) -> bool:
    """Return whether a time is further in the future than `allowed`, so that the clock must have been set back."""
    return at is not None and at > now + allowed + CLOCK_SLACK


def correct(generation: Generation, replicas: list[Replica], now: datetime) -> None:
    """Set future times of a generation and its replicas to now, in the objects and in their rows."""
    changed: dict[str, object] = {name: now for name in _OF_GENERATION if is_ahead(getattr(generation, name), now)}
    if any(is_ahead(datetime.fromisoformat(at), now) for at in generation.steps.values()):
        changed["steps"] = {
            step: min(datetime.fromisoformat(at), now).isoformat() for step, at in generation.steps.items()
        }
    _write(generation, changed)
    for replica in replicas:
        times: dict[str, object] = {name: now for name in _OF_REPLICA if is_ahead(getattr(replica, name), now)}
        if is_ahead(replica.restart_at, now, RESTART_PAUSE_MAX):
            times["restart_at"] = now
        _write(replica, times)


def _write(row: Generation | Replica, changed: Mapping[str, object]) -> None:
    if not changed:
        return
    for name, value in changed.items():
        setattr(row, name, value)
    type(row)._default_manager.filter(pk=row.pk).update(**changed)
