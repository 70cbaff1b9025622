"""How long a statement waits for another writer on PostgreSQL; SQLite is told by its options in the settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver


@receiver(connection_created)
def limit_waiting(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Let PostgreSQL refuse what waits for too long, instead of never.

    Said once a connection, and not in the options of its start, which connection poolers refuse.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{settings.LOCK_SECONDS}s"])
