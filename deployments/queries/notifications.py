"""Notifications of a user: own deployments that are running, have failed, were updated or end soon.

They are the events of deployments, so nothing else is stored than when the user read them last.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q, QuerySet

from deployments import reasons
from deployments.lifecycle import Status
from deployments.models import DeploymentEvent, User

REASONS = tuple(reason.code for reason in (reasons.TRAFFIC_MOVED, reasons.ROLLED_BACK, reasons.ENDS_SOON))
STATUSES = (Status.RUNNING, Status.DEAD)
MAX_COUNTED = 100
MAX_SHOWN = 50


def unread_count(user: User) -> int:
    """Return the number of notifications since the user last read them, at most MAX_COUNTED."""
    return _of(user).filter(at__gt=user.notified_at).order_by()[:MAX_COUNTED].count()


def notifications_of(user: User) -> Sequence[DeploymentEvent]:
    """Return the last notifications, newest first, with deployment and configuration loaded."""
    return list(_of(user).select_related("deployment__configuration")[:MAX_SHOWN])


def _of(user: User) -> QuerySet[DeploymentEvent]:
    changed = Q(reason=reasons.STATUS_CHANGED.code, status__in=STATUSES)
    events = DeploymentEvent.objects.filter(
        changed | Q(reason__in=REASONS), deployment__created_by=user.get_username()
    )
    groups = user.actor().groups
    return events if groups is None else events.filter(deployment__resource_group__in=groups)
