"""At most one pass over a deployment at a time: one conditional UPDATE, the same on every database."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, Q
from django.utils import timezone

from deployments.models import Deployment

LEASE_SECONDS = 30  # longer than a task may run (20 s), which is longer than a call to a runtime (10 s)


class LeaseLost(Exception):
    """The pass took longer than its lease; another one may be at work, so this one writes nothing more."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to pass over one deployment until it runs out."""

    deployment_id: str
    token: str


def is_due() -> Q:
    """Return the condition for a deployment that wants a pass."""
    return Q(next_pass_at__lte=timezone.now()) | Q(observed_generation__lt=F("generation"))


def is_free() -> Q:
    """Return the condition for a deployment that no pass is working on."""
    return Q(lease_until=None) | Q(lease_until__lt=timezone.now())


def take(deployment_id: str) -> Lease | None:
    """Take the lease of a deployment that is due; None when it is not due, gone, or another pass is working on it."""
    token = secrets.token_hex(16)
    until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
    rows = Deployment.objects.filter(is_due(), is_free(), pk=deployment_id)
    taken = rows.update(lease_token=token, lease_until=until)
    return Lease(deployment_id=deployment_id, token=token) if taken else None


def renew(lease: Lease) -> Deployment:
    """Make the lease last its whole time again and return the present row.

    Raises:
        LeaseLost: it has run out and was taken by another pass, or the deployment is gone.
    """
    until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
    rows = Deployment.objects.filter(pk=lease.deployment_id, lease_token=lease.token)
    if not rows.update(lease_until=until):
        raise LeaseLost(lease.deployment_id)
    related = ("configuration", "resource_group__connection", "latest_running_configuration")
    return rows.select_related(*related).get()


def give_back(lease: Lease, next_pass_in: timedelta | None) -> bool:
    """End the lease, note when the next pass is due, and return whether one is due already.

    It is when somebody changed what is wanted after the last look: their kick found the lease taken.
    """
    next_pass_at = None if next_pass_in is None else timezone.now() + next_pass_in
    rows = Deployment.objects.filter(pk=lease.deployment_id, lease_token=lease.token)
    rows.update(lease_token="", lease_until=None, next_pass_at=next_pass_at)
    return Deployment.objects.filter(pk=lease.deployment_id, observed_generation__lt=F("generation")).exists()
