"""The Celery beat as a thread of the worker; it sends the sweeps by the monotonic clock.

The worker's own option `-B` forks a process for it, which survives a `kill -9` of the worker and would go on sending
sweeps beside the beat of the next worker; it also takes memory of its own. Two workers have two beats then, which does
no harm: sweeps expire, and a reconcile needs the lease. Celery's own scheduler uses the wall clock: after that was
set back by an hour it would send nothing for an hour.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from celery import bootsteps
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


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
    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._stopping = False
        self._app = parent.app
        schedule = parent.app.conf.beat_schedule
        self._options = {entry["task"]: entry["options"] for entry in schedule.values()}
        self._beat = Beat({entry["task"]: entry["schedule"] for entry in schedule.values()}, self._send)

    def start(self, parent: Any) -> None:
        threading.Thread(target=self._run, name="beat", daemon=True).start()

    def stop(self, parent: Any) -> None:
        self._stopping = True
        self._beat.stop()

    def _run(self) -> None:
        """Send what is due until stopped. A worker without a beat would do nothing, so it ends when its beat does."""
        try:
            self._app.set_current()
            self._beat.run()
        finally:
            if not self._stopping:
                logger.critical("The beat thread has ended; the worker ends too, so that both are restarted.")
                os.kill(os.getpid(), signal.SIGTERM)

    def _send(self, task: str) -> None:
        try:
            self._app.send_task(task, retry=False, **self._options[task])
        except OperationalError as error:
            logger.warning("The broker does not respond: %s", error)
