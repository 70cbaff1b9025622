"""What the Celery workers run, and how a pass is asked for. Nothing is decided here."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction

from deployments import broker, reconciler
from launchpad.celery import app

logger = logging.getLogger(__name__)


def kick(deployment_id: str) -> None:
    """Ask for a pass as soon as the present transaction is committed. When it gets lost, the next sweep makes it."""
    transaction.on_commit(lambda: _send(deployment_id, 0))


@app.task(name="deployments.tasks.pass_over", ignore_result=True)
def pass_over(deployment_id: str) -> None:
    """Make one pass, and ask for those that are to be made soon after it."""
    for following in reconciler.pass_over(deployment_id):
        if following.in_seconds < reconciler.SWEEP_SECONDS:
            _send(following.deployment_id, following.in_seconds)


@app.task(name="deployments.tasks.sweep", ignore_result=True)
def sweep() -> None:
    """Send out the passes that are due (see `reconciler.due`), and remove the groups that have become empty."""
    for deployment_id in reconciler.due():
        _send(deployment_id, 0)
    reconciler.remove_emptied_groups()
    broker.note_pulse()


@app.task(name="deployments.tasks.housekeeping", ignore_result=True)
def housekeeping() -> None:
    """Remove what nobody needs any more."""
    reconciler.clean_up()


def _send(deployment_id: str, countdown: float) -> None:
    options: dict[str, Any] = {"countdown": countdown} if countdown else {}
    try:
        with broker.producer() as producer:
            pass_over.apply_async((deployment_id,), producer=producer, retry=False, expires=countdown + 10, **options)
    except broker.Away as error:
        logger.warning("No pass over %s could be asked for; the sweep will make it: %s", deployment_id, error)
