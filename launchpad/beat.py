"""The beat of the worker: a thread of it that runs the sweeps, by the monotonic clock.

They are not sent through the broker as tasks: the worker itself would get them, which took about 18 % of the CPU of an
idle worker, and without a broker nothing was swept. Two workers have two beats, which does no harm: a sweep finds what
the other has done, and a reconcile needs the lease. Celery's own beat would be one more process, or, with the worker's
option `-B`, a fork that survives a `kill -9` of the worker; and its scheduler uses the wall clock: after that was set
back by an hour it would send nothing for an hour.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from celery import bootsteps
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from deployments.reconciler.lanes import Lane

logger = logging.getLogger(__name__)

STOP_SECONDS = 5.0  # how long a stopping worker waits for a sweep


class Beat:
    """Calls `send` with each name as often as its interval says, until stopped; the first time at once.

    Args:
        schedule: name -> seconds between two times.
    """

    def __init__(self, schedule: Mapping[str, float], send: Callable[[str], None]) -> None:
        self._schedule = schedule
        self._send = send
        self._stopped = threading.Event()

    def run(self) -> None:
        now = time.monotonic()
        due = dict.fromkeys(self._schedule, now)
        while not self._stopped.wait(max(0.0, min(due.values()) - now)):
            now = time.monotonic()
            for name, seconds in self._schedule.items():
                if due[name] <= now:
                    due[name] = max(due[name] + seconds, now)  # missed intervals are skipped, not sent late
                    self._send(name)

    def stop(self) -> None:
        self._stopped.set()


class BeatThread(bootsteps.StartStopStep):
    """Runs the functions of the schedule, each in a thread of its own, so that none waits for another."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._stopping = False
        self._app = parent.app
        self._lanes: dict[str, Lane] = {}
        self._beat = Beat(parent.app.conf.launchpad_schedule, self._submit)

    def start(self, parent: Any) -> None:
        # Not above: this module is imported before Django is set up.
        from deployments.reconciler.lanes import Lane

        self._lanes = {name: Lane(name, limit=1) for name in self._app.conf.launchpad_schedule}
        threading.Thread(target=self._run, name="beat", daemon=True).start()

    def stop(self, parent: Any) -> None:
        self._stopping = True
        self._beat.stop()
        for lane in self._lanes.values():
            lane.close(STOP_SECONDS)

    def _run(self) -> None:
        """Run what is due until stopped. A worker without a beat would do nothing, so it ends when its beat does."""
        try:
            self._app.set_current()
            self._beat.run()
        finally:
            if not self._stopping:
                logger.critical("The beat thread has ended; the worker ends too, so that both are restarted.")
                os.kill(os.getpid(), signal.SIGTERM)

    def _submit(self, name: str) -> None:
        """Run a function once its last run has ended; of several that wait there is one."""
        self._lanes[name].submit(name, import_string(name))
