"""How recent the data of a connection is. Pages show its age when it is not fresh."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from deployments.messages import Message
from deployments.models import Connection, ConnectionStatus

FRESH = timedelta(seconds=15)  # longer than the interval at which the sweep writes unchanged data again


@dataclass(frozen=True, kw_only=True)
class ConnectionHealth:
    """When a connection responded last, and since when it is unreachable.

    Args:
        contacted_at: when it last responded, None when it never has.
        unreachable_since: None while it responds.
        problem: why it does not respond, None while it does.
    """

    contacted_at: datetime | None = None
    unreachable_since: datetime | None = None
    problem: Message | None = None

    @property
    def is_old(self) -> bool:
        """Whether its data should be shown with its age."""
        return is_old(self.contacted_at)


def health_of(connection: Connection) -> ConnectionHealth:
    """Return the health of a connection, in one query."""
    return healths_of([connection])[connection.pk]


def healths_of(connections: Iterable[Connection]) -> Mapping[int, ConnectionHealth]:
    """Return the health of several connections by their primary keys, in one query."""
    ids = [connection.pk for connection in connections]
    statuses = {status.pk: status for status in ConnectionStatus.objects.filter(pk__in=ids)}
    return {pk: _health(statuses.get(pk)) for pk in ids}


def unreachable_since(connection: Connection) -> datetime | None:
    """Return since when a connection is unreachable, None while it responds; no query where its status is loaded."""
    status = getattr(connection, "status", None)  # missing until the first look at it
    return status.unreachable_since if status is not None else None


def is_old(at: datetime | None) -> bool:
    """Return whether data of this time should be shown with its age."""
    return at is not None and timezone.now() - at > FRESH


def _health(status: ConnectionStatus | None) -> ConnectionHealth:
    if status is None:
        return ConnectionHealth()
    return ConnectionHealth(
        contacted_at=status.contacted_at, unreachable_since=status.unreachable_since, problem=status.problem
    )
