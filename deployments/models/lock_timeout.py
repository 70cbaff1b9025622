"""How long a statement waits for another writer on PostgreSQL; SQLite has an option for it in the settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver


@receiver(connection_created)
def limit_waiting(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Set PostgreSQL's lock timeout, which is unlimited by default.

    Set after connecting, as connection poolers refuse it in the startup options.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{settings.LOCK_SECONDS}s"])
