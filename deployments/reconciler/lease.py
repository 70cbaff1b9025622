"""At most one pass over a deployment at a time: one conditional UPDATE, the same on every database.

A lease names its holder, so that one of a process of this machine that has died need not run out: the first sweep of
the next worker gives it back.
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

LEASE_SECONDS = 30  # longer than a task may run (20 s), which is longer than a call to a runtime (10 s)
MAX_PAUSE = timedelta(hours=1)  # between two passes


class LeaseLost(Exception):
    """The pass took longer than its lease; another one may be at work, so this one writes nothing more."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to pass over one deployment until it runs out."""

    deployment_id: str
    token: str


def is_due() -> Q:
    """Return the condition for a deployment that wants a pass.

    A time further ahead than is ever written is from before the clock was set back, and counts as past.
    """
    now = timezone.now()
    ahead = Q(next_reconcile_at__gt=now + MAX_PAUSE + CLOCK_SLACK)
    return Q(next_reconcile_at__lte=now) | ahead | Q(observed_generation__lt=F("generation"))


def is_free() -> Q:
    """Return the condition for a deployment that no pass is working on."""
    now = timezone.now()
    ahead = Q(lease_until__gt=now + timedelta(seconds=LEASE_SECONDS) + CLOCK_SLACK)
    return Q(lease_until=None) | Q(lease_until__lt=now) | ahead


def take(deployment_id: str) -> Lease | None:
    """Take the lease of a deployment that is due; None when it is not due, gone, or another pass is working on it."""
    token = f"{_holder(os.getpid())}{secrets.token_hex(4)}"
    until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
    rows = Deployment.objects.filter(is_due(), is_free(), pk=deployment_id)
    taken = rows.update(lease_token=token, lease_until=until)
    return Lease(deployment_id=deployment_id, token=token) if taken else None


def free_those_of_the_dead() -> int:
    """Give back the leases that processes of this machine held when they were killed; return how many."""
    freed = 0
    held = Deployment.objects.exclude(lease_token="").filter(lease_until__gt=timezone.now())
    for pk, token in held.values_list("pk", "lease_token"):
        if _has_died(token):
            freed += Deployment.objects.filter(pk=pk, lease_token=token).update(lease_token="", lease_until=None)
    return freed


def renew(lease: Lease) -> Deployment:
    """Make the lease last its whole time again and return the present row.

    Raises:
        LeaseLost: it has run out and was taken by another pass, or the deployment is gone.
    """
    until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
    rows = Deployment.objects.filter(pk=lease.deployment_id, lease_token=lease.token)
    if not rows.update(lease_until=until):
        raise LeaseLost(lease.deployment_id)
    return held(lease)


def held(lease: Lease) -> Deployment:
    """Return the present row of a deployment whose lease was just taken.

    Raises:
        LeaseLost: it was taken by another pass meanwhile, or the deployment is gone.
    """
    rows = Deployment.objects.filter(pk=lease.deployment_id, lease_token=lease.token)
    row = rows.select_related("configuration", "resource_group__connection", "latest_running_configuration").first()
    if row is None:
        raise LeaseLost(lease.deployment_id)
    return row


def give_back(lease: Lease, requeue_after: timedelta | None) -> bool:
    """End the lease, note when the next reconcile is due, and return whether one is due already.

    It is when somebody changed what is wanted after the last look: their kick found the lease taken.
    """
    next_reconcile_at = None if requeue_after is None else timezone.now() + min(requeue_after, MAX_PAUSE)
    rows = Deployment.objects.filter(pk=lease.deployment_id, lease_token=lease.token)
    rows.update(lease_token="", lease_until=None, next_reconcile_at=next_reconcile_at)
    return Deployment.objects.filter(pk=lease.deployment_id, observed_generation__lt=F("generation")).exists()


def _holder(pid: int) -> str:
    """Return what names a process: the machine as it runs now, the pid, when it began. 24 characters at most."""
    return f"{_machine()}-{pid:x}-{start_mark(pid)[-10:]}-"


def _has_died(token: str) -> bool:
    machine, _, rest = token.partition("-")
    pid, _, rest = rest.partition("-")
    if machine != _machine() or not pid:
        return False  # of another machine, or of this one before it was started: that runs out
    mark = start_mark(int(pid, 16))
    return not is_alive([int(pid, 16), mark]) or not rest.startswith(f"{mark[-10:]}-")


@cache
def _machine() -> str:
    """Return four characters for this machine (with its namespace of pids) since it was started."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    parts = (socket.gethostname(), boot.read_text() if boot.exists() else "")
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:4]
