"""What the Celery workers run, and how a pass is asked for. Nothing is decided here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from deployments import broker, reconciler
from deployments.storage.disk_space import has_little_room, is_disk_full
from launchpad.celery import app

logger = logging.getLogger(__name__)
_full = threading.Event()  # set while a full disk has been told, so that not each sweep tells it


def enqueue_reconcile(deployment_id: str) -> None:
    """Ask for a pass as soon as the present transaction is committed. When it gets lost, the next sweep makes it."""
    transaction.on_commit(lambda: _send(deployment_id, 0))


@app.task(name="deployments.tasks.reconcile", ignore_result=True)
def reconcile(deployment_id: str) -> None:
    """Make one pass, and ask for those that are to be made soon after it."""
    with surviving_a_full_disk():
        for following in reconciler.reconcile(deployment_id):
            if following.in_seconds < reconciler.SWEEP_SECONDS:
                _send(following.deployment_id, following.in_seconds)


@app.task(name="deployments.tasks.sweep", ignore_result=True)
def sweep() -> None:
    """Send out the passes that are due (see `reconciler.due`), and remove the groups that have become empty."""
    with surviving_a_full_disk():
        for deployment_id in reconciler.due():
            _send(deployment_id, 0)
        reconciler.remove_emptied_groups()
    broker.record_heartbeat()


@app.task(name="deployments.tasks.housekeeping", ignore_result=True)
def housekeeping() -> None:
    """Remove what nobody needs any more."""
    with surviving_a_full_disk():
        reconciler.housekeeping()


@contextmanager
def surviving_a_full_disk() -> Iterator[None]:
    """Give up work that finds no room on the disk, and say so once; whatever is due stays due for the next sweep."""
    try:
        yield
    except Exception as error:
        if not is_disk_full(error):
            raise
        if not _full.is_set():
            _full.set()
            logger.error("The disk of LAUNCHPAD_HOME is full; deployments wait until there is room: %s", error)
    else:
        if _full.is_set() and not has_little_room():  # work that wrote nothing succeeds on a full disk, too
            _full.clear()
            logger.warning("There is room on the disk of LAUNCHPAD_HOME again.")


def _send(deployment_id: str, countdown: float) -> None:
    options: dict[str, Any] = {"countdown": countdown} if countdown else {}
    try:
        with broker.producer() as producer:
            reconcile.apply_async((deployment_id,), producer=producer, retry=False, expires=countdown + 10, **options)
    except broker.Away as error:
        logger.warning("No pass over %s could be asked for; the sweep will make it: %s", deployment_id, error)
