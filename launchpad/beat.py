"""Celery's beat as a thread of the worker.

The worker's own option `-B` forks a process for it, which survives a `kill -9` of the worker and would go on sending
sweeps beside the beat of the next worker; it also takes memory of its own. Two workers have two beats then, which does
no harm: sweeps expire, and a pass needs the lease.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import Any

from celery import bootsteps
from celery.beat import Scheduler, Service
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


FIRST = "deployments.tasks.sweep"


class BeatThread(bootsteps.StartStopStep):
    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._stopping = False
        # The plain Scheduler keeps nothing on disk: with intervals of seconds there is nothing to remember.
        self._service = Service(parent.app, max_interval=1, scheduler_cls=Scheduler)

    def start(self, parent: Any) -> None:
        threading.Thread(target=self._run, args=(parent.app,), name="beat", daemon=True).start()

    def stop(self, parent: Any) -> None:
        self._stopping = True
        self._service.stop()

    def _run(self, app: Any) -> None:
        """Send what is due until stopped; a worker without a beat would be deaf, so it ends when its beat does."""
        try:
            app.set_current()
            _begin_at_once(app)
            self._service.start()
        finally:
            if not self._stopping:
                logger.critical("The beat has ended; the worker ends too, so that both are started again.")
                os.kill(os.getpid(), signal.SIGTERM)


def _begin_at_once(app: Any) -> None:
    """Send the first sweep now: the schedule would let its whole interval pass before."""
    try:
        app.send_task(FIRST, expires=10)
    except OperationalError as error:
        logger.warning("The broker does not answer yet: %s", error)
