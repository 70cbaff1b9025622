"""`manage.py stop_replicas`: end all model servers on this machine; the last thing that Ctrl-C does.

What the deployments' owners want stays as it is, so the next start brings the servers up again. Only sensible when no
worker is running, which would do that at once.
"""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from deployments.runtimes.base import ReplicaPhase, ReplicaStatus, Runtime
from deployments.runtimes.registry import drivers

LOOK_SECONDS = 0.1
MARGIN_SECONDS = 5.0  # beyond the grace time, for the kernel to clear up


class Command(BaseCommand):
    help = "Stop all model servers on this machine; they come back with the next start."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        found = self._alive()
        for runtime, replica in found:
            runtime.stop(replica.name, replica.attempt)
        end = time.monotonic() + settings.LAUNCHPAD_GRACE_SECONDS + MARGIN_SECONDS
        while left := self._alive():
            if time.monotonic() > end:
                raise CommandError(
                    f"Still running after the grace time: {', '.join(replica.name for _, replica in left)}."
                )
            time.sleep(LOOK_SECONDS)
        if found:
            self.stdout.write(f"Stopped {len(found)} model server{'' if len(found) == 1 else 's'}.")

    def _alive(self) -> list[tuple[Runtime, ReplicaStatus]]:
        """Return what lives, without the database: it may be what has failed."""
        return [
            (runtime, replica)
            for runtime in (driver.everything_here() for driver in drivers() if driver.everything_here)
            for replica in runtime.list_all()
            if replica.phase is not ReplicaPhase.EXITED
        ]
