"""Writes the audit log. Each operation records its change in its own transaction, so that no view can omit it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from deployments.models import AuditEntry, ResourceGroup


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The origin of a request.

    Args:
        channel: "page", "api", "admin" or "command".
        address: IP address, None for a command.
    """

    channel: str = "command"
    address: str | None = None


_COMMAND = Origin()
_ORIGIN: ContextVar[Origin] = ContextVar("origin", default=_COMMAND)


@contextmanager
def coming_from(origin: Origin) -> Iterator[None]:
    """Record all changes inside the context with this origin."""
    token = _ORIGIN.set(origin)
    try:
        yield
    finally:
        _ORIGIN.reset(token)


def record(
    who: str,
    action: str,
    target: Model | str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry.

    Args:
        who: name of the actor.
        action: a stable identifier, e.g. "create", "update", "stop", "sign-in".
        target: the changed row, or a kind for what has no row.
        before, after: the values that differ, without secrets.
    """
    origin = _ORIGIN.get()
    kind, pk, name = (target, "", "") if isinstance(target, str) else _kind_pk_name(target)
    AuditEntry.objects.create(
        actor=who[:256],
        action=action,
        kind=kind,
        object_id=pk,
        name=name[:256],
        group=_group_of(target),
        before=dict(before) if before else None,
        after=dict(after) if after else None,
        channel=origin.channel,
        address=origin.address,
    )


def _kind_pk_name(row: Model) -> tuple[str, str, str]:
    return str(row._meta.model_name), str(row.pk), str(row)


def _group_of(target: Model | str) -> str:
    if isinstance(target, ResourceGroup):
        return target.pk
    return str(getattr(target, "resource_group_id", "") or "")
