"""The Celery application: the broker carries requests to reconcile, beat runs the sweeps, no result is stored."""

import os

from celery import Celery
from django.conf import settings

from launchpad.beat import BeatThread

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "launchpad.settings")
# The start of Launchpad has made Django's checks; a worker that is started again would spend 0.7 s of CPU on them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

SWEEP_SECONDS = 2.0

app = Celery("launchpad")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": 60,
        "socket_keepalive": True,
        "socket_timeout": 10,
        # A web request that enqueues a reconcile must not wait for a broker that is down: one attempt (else 6 s).
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
    },
    task_ignore_result=True,
    task_acks_late=False,  # the next sweep repeats a lost reconcile
    task_default_queue="launchpad",
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
)
# Functions that each worker calls -> seconds from one time to the next.
app.conf.launchpad_schedule = {
    "deployments.tasks.sweep": SWEEP_SECONDS,
    "deployments.tasks.housekeeping": 60.0,
}
app.steps["worker"].add(BeatThread)
app.autodiscover_tasks()
