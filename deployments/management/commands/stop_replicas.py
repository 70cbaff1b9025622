"""`manage.py stop_replicas`: stops all model servers on this machine; the last step after Ctrl-C.

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

POLL_INTERVAL = 0.1
MARGIN_SECONDS = 5.0  # beyond the grace period, for the kernel to clean up


class Command(BaseCommand):
    help = "Stop all model servers on this machine; they come back with the next start."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        running = self._running()
        for runtime, replica in running:
            runtime.stop(replica.name, replica.attempt)
        end = time.monotonic() + settings.LAUNCHPAD_GRACE_SECONDS + MARGIN_SECONDS
        while left := self._running():
            if time.monotonic() > end:
                raise CommandError(
                    f"Still running after the grace time: {', '.join(replica.name for _, replica in left)}."
                )
            time.sleep(POLL_INTERVAL)
        if running:
            self.stdout.write(f"Stopped {len(running)} model server{'' if len(running) == 1 else 's'}.")

    def _running(self) -> list[tuple[Runtime, ReplicaStatus]]:
        """Return the running replicas, without the database, since that may have failed."""
        return [
            (runtime, replica)
            for runtime in (driver.everything_here() for driver in drivers() if driver.everything_here)
            for replica in runtime.list_all()
            if replica.phase is not ReplicaPhase.EXITED
        ]
