"""What a worker runs: the task that reconciles, and the functions of its beat. Nothing is decided here.

Whatever asks a runtime is handed to the threads of its connection (`reconciler.lanes`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from celery.signals import worker_shutdown
from django.db import transaction

from deployments import broker, reconciler
from deployments.models import Connection, Deployment
from deployments.reconciler.contact import SILENT_SECONDS, record_silence
from deployments.reconciler.lanes import close_all, inquiry_lane, lanes_of
from deployments.storage.disk_space import has_little_room, is_disk_full
from launchpad.celery import app

logger = logging.getLogger(__name__)
INQUIRY_EXPIRY = 60  # seconds after which nobody waits for an answer any more
_full = threading.Event()  # set once a full disk has been reported, so that not each sweep reports it


def enqueue_reconcile(deployment_id: str) -> None:
    """Request a reconcile after the commit of the current transaction. The next sweep repeats a lost request."""
    transaction.on_commit(lambda: _send(deployment_id, 0))


@app.task(name="deployments.tasks.reconcile", ignore_result=True)
def reconcile(deployment_id: str) -> None:
    """Hand a deployment to the threads of its connection, which reconcile it."""
    connection_ids = Deployment.objects.filter(pk=deployment_id).values_list("resource_group__connection")
    for (connection_id,) in connection_ids:
        _reconcile_on(connection_id, [deployment_id])


def sweep() -> None:
    """Hand each connection, and what is due, to the threads of the connections; remove groups that became empty.

    Nothing here waits for a connection.
    """
    with surviving_a_full_disk():
        for connection_id in Connection.objects.values_list("pk", flat=True):
            _observe_connection(connection_id)
        for connection_id, deployment_id in reconciler.sweep():
            _reconcile_on(connection_id, [deployment_id])
        reconciler.remove_emptied_groups()
    try:
        broker.record_heartbeat()
    except broker.BrokerUnavailable as error:
        logger.warning("The broker does not respond: %s", error)


def housekeeping() -> None:
    """Warn of deployments that end soon, and delete expired rows and unused files."""
    with surviving_a_full_disk():
        reconciler.housekeeping()
    inquiry_lane().submit("offers", _surviving(reconciler.look_for_offers))
    for pk in Connection.objects.values_list("pk", flat=True):
        lanes_of(pk).work.submit("unused files", _surviving(partial(reconciler.remove_unused_files, pk)))


@app.task(name="deployments.tasks.answer_inquiry", ignore_result=True)
def answer_inquiry(inquiry_id: str) -> None:
    """Have a question of a page answered by a thread that nothing else waits for."""
    inquiry_lane().submit(inquiry_id, _surviving(partial(reconciler.answer_inquiry, inquiry_id)))


def send_inquiry(inquiry_id: str) -> None:
    """Ask a worker to answer a stored question. If that cannot be sent, the page says that no worker answers."""
    try:
        with broker.producer() as producer:
            answer_inquiry.apply_async((inquiry_id,), producer=producer, retry=False, expires=INQUIRY_EXPIRY)
    except broker.BrokerUnavailable as error:
        logger.warning("A question to a runtime could not be enqueued: %s", error)


def _observe_connection(connection_id: int) -> None:
    lane = lanes_of(connection_id).observe
    if lane.busy_for() > SILENT_SECONDS:
        record_silence(connection_id)
    lane.submit(
        "observe", _surviving(lambda: _reconcile_on(connection_id, reconciler.observe_connection(connection_id)))
    )


def _reconcile_on(connection_id: int, deployment_ids: Iterable[str]) -> None:
    lane = lanes_of(connection_id).work
    for deployment_id in deployment_ids:
        lane.submit(deployment_id, _surviving(partial(_reconcile, deployment_id)))


def _reconcile(deployment_id: str) -> None:
    """Reconcile once, and ask for what is to be reconciled soon after it."""
    for following in reconciler.reconcile(deployment_id):
        if following.in_seconds < reconciler.SWEEP_SECONDS:
            _send(following.deployment_id, following.in_seconds)


def _surviving(work: Callable[[], object]) -> Callable[[], object]:
    return surviving_a_full_disk()(work)


@worker_shutdown.connect
def _stop_work(**_: Any) -> None:
    close_all()


@contextmanager
def surviving_a_full_disk() -> Iterator[None]:
    """Give up work that finds the disk full, and log that once; what is due stays due for the next sweep."""
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
    except broker.BrokerUnavailable as error:
        logger.warning("No reconcile of %s could be enqueued; the sweep will run it: %s", deployment_id, error)
