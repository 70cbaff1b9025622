"""How up to date is what is known of a connection: pages show its age once that is of interest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from deployments.messages import Message
from deployments.models import Connection, ConnectionStatus

FRESH = timedelta(seconds=15)  # longer than the sweep takes to write again that nothing has changed


@dataclass(frozen=True, kw_only=True)
class ConnectionHealth:
    """When a connection has answered, and since when it does not.

    Args:
        contacted_at: when it last answered, None when it never has.
        unreachable_since: None while it answers.
        problem: why it does not answer, None while it does.
    """

    contacted_at: datetime | None = None
    unreachable_since: datetime | None = None
    problem: Message | None = None

    @property
    def is_old(self) -> bool:
        """Whether what is known of it should be shown with its age."""
        return is_old(self.contacted_at)


def health_of(connection: Connection) -> ConnectionHealth:
    """Return how up to date is what is known of a connection, in one query."""
    return healths_of([connection])[connection.pk]


def healths_of(connections: Iterable[Connection]) -> Mapping[int, ConnectionHealth]:
    """Return the same of several connections, by their primary keys, in one query."""
    ids = [connection.pk for connection in connections]
    statuses = {status.pk: status for status in ConnectionStatus.objects.filter(pk__in=ids)}
    return {pk: _health(statuses.get(pk)) for pk in ids}


def is_old(at: datetime | None) -> bool:
    """Return whether a time is so long ago that what was seen then is shown with its age."""
    return at is not None and timezone.now() - at > FRESH


def _health(status: ConnectionStatus | None) -> ConnectionHealth:
    if status is None:
        return ConnectionHealth()
    return ConnectionHealth(
        contacted_at=status.contacted_at, unreachable_since=status.unreachable_since, problem=status.problem
    )
