"""The lease of a deployment: at most one reconcile at a time, by one conditional UPDATE that works on every database.

A lease contains its holder, so that the lease of a process of this machine that was killed need not expire: the first
sweep of the next worker releases it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from django.db.models import F, Q
from django.utils import timezone

from deployments.models import Deployment
from deployments.reconciler.clock import CLOCK_SLACK
from deployments.runtimes.processes import is_alive, start_mark

LEASE_SECONDS = 30  # renewed at each step; longer than a call to a runtime (10 s) and a readiness check (5 s) together
MAX_PAUSE = timedelta(hours=1)  # between two reconciles


class LeaseLost(Exception):
    """The reconcile took longer than its lease. Another one may be running, so this one writes nothing more."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The exclusive right to reconcile one deployment until it expires."""

    deployment_id: str
    token: str


def is_due() -> Q:
    """Return the condition for a deployment that is to be reconciled.

    A time further ahead than is ever written is from before the clock was set back; it is treated as past.
    """
    now = timezone.now()
    ahead = Q(next_reconcile_at__gt=now + MAX_PAUSE + CLOCK_SLACK)
    return Q(next_reconcile_at__lte=now) | ahead | Q(observed_generation__lt=F("generation"))


def is_free() -> Q:
    """Return the condition for a deployment that is not being reconciled."""
    now = timezone.now()
    ahead = Q(lease_until__gt=now + timedelta(seconds=LEASE_SECONDS) + CLOCK_SLACK)
    return Q(lease_until=None) | Q(lease_until__lt=now) | ahead


def acquire(deployment_id: str) -> Lease | None:
    """Acquire the lease of a deployment; None when it is not due, deleted, or being reconciled."""
    token = f"{_process_token(os.getpid())}{secrets.token_hex(4)}"
    until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
    rows = Deployment.objects.filter(is_due(), is_free(), pk=deployment_id)
    acquired = rows.update(lease_token=token, lease_until=until)
    return Lease(deployment_id=deployment_id, token=token) if acquired else None


def release_of_dead_processes() -> int:
    """Release the leases of processes of this machine that were killed; return how many."""
    released = 0
    leased = Deployment.objects.exclude(lease_token="").filter(lease_until__gt=timezone.now())
    for pk, token in leased.values_list("pk", "lease_token"):
        if _has_died(token):
            released += Deployment.objects.filter(pk=pk, lease_token=token).update(lease_token="", lease_until=None)
    return released


def renew(lease: Lease) -> Deployment:
    """Extend the lease to its full duration and return the current row.

    Raises:
        LeaseLost: it has expired and was acquired by another reconcile, or the deployment is deleted.
    """
    until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
    rows = Deployment.objects.filter(pk=lease.deployment_id, lease_token=lease.token)
    if not rows.update(lease_until=until):
        raise LeaseLost(lease.deployment_id)
    return current_row(lease)


def current_row(lease: Lease) -> Deployment:
    """Return the current row of a deployment whose lease was just acquired.

    Raises:
        LeaseLost: it was acquired by another reconcile meanwhile, or the deployment is deleted.
    """
    rows = Deployment.objects.filter(pk=lease.deployment_id, lease_token=lease.token)
    row = rows.select_related("configuration", "resource_group__connection", "latest_running_configuration").first()
    if row is None:
        raise LeaseLost(lease.deployment_id)
    return row


def release(lease: Lease, requeue_after: timedelta | None) -> bool:
    """End the lease, note when the next reconcile is due, and return whether one is due already.

    It is when the desired state has changed since: the request to reconcile then has found the lease in use.
    """
    next_reconcile_at = None if requeue_after is None else timezone.now() + min(requeue_after, MAX_PAUSE)
    rows = Deployment.objects.filter(pk=lease.deployment_id, lease_token=lease.token)
    rows.update(lease_token="", lease_until=None, next_reconcile_at=next_reconcile_at)
    return Deployment.objects.filter(pk=lease.deployment_id, observed_generation__lt=F("generation")).exists()


def _process_token(pid: int) -> str:
    """Return an identifier of a process: machine since boot, pid, start time. At most 24 characters."""
    return f"{_machine()}-{pid:x}-{start_mark(pid)[-10:]}-"


def _has_died(token: str) -> bool:
    machine, _, rest = token.partition("-")
    pid, _, rest = rest.partition("-")
    if machine != _machine() or not pid:
        return False  # of another machine, or from before a reboot: it expires
    mark = start_mark(int(pid, 16))
    return not is_alive([int(pid, 16), mark]) or not rest.startswith(f"{mark[-10:]}-")


@cache
def _machine() -> str:
    """Return four characters for this machine (and its pid namespace) since boot."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    parts = (socket.gethostname(), boot.read_text() if boot.exists() else "")
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:4]
