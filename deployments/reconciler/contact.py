"""Records the status of each connection for readers that may not call it: pages, and scheduling under a lock."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from deployments import reasons
from deployments.messages import Message, render_english
from deployments.models import Connection, ConnectionStatus
from deployments.runtimes.base import Node

logger = logging.getLogger(__name__)

CONTACT_INTERVAL = timedelta(seconds=12)  # between two writes while nothing changes: each is a commit
SILENT_SECONDS = 10.0  # how long a call to a runtime may take


def record_contact(connection: Connection, nodes: Iterable[Node]) -> None:
    """Record that a connection has responded, and its nodes, unless that was recorded a moment ago."""
    current = tuple(sorted(nodes, key=lambda node: node.name))
    now = timezone.now()
    before = ConnectionStatus.objects.filter(pk=connection.pk).first()
    if before is None or before.unreachable_since is not None or before.nodes != current:
        values: dict[str, object] = {"contacted_at": now, "unreachable_since": None, "problem": None, "nodes": current}
        ConnectionStatus.objects.update_or_create(connection=connection, defaults=values)
        if before is not None and before.unreachable_since is not None:
            logger.warning("Connection %s answers again.", connection.name)
    elif before.contacted_at is None or not timedelta(0) <= now - before.contacted_at < CONTACT_INTERVAL:
        ConnectionStatus.objects.filter(pk=connection.pk).update(contacted_at=now)


def record_unreachable(connection: Connection, problem: Message) -> None:
    """Record when and why a connection became unreachable; its last nodes are kept."""
    before = ConnectionStatus.objects.filter(pk=connection.pk).first()
    if before is not None and before.unreachable_since is not None and before.problem == problem:
        return
    since = (before.unreachable_since if before else None) or timezone.now()
    logger.warning("Connection %s cannot be reached: %s", connection.name, render_english(problem))
    ConnectionStatus.objects.update_or_create(
        connection=connection, defaults={"unreachable_since": since, "problem": problem}
    )


def record_silence(connection_id: int) -> None:
    """Record that the observation of a connection takes longer than SILENT_SECONDS, which itself cannot record it."""
    if (connection := Connection.objects.filter(pk=connection_id).first()) is not None:
        record_unreachable(connection, reasons.CONNECTION_SILENT(limit_seconds=SILENT_SECONDS))
