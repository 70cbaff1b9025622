"""Whether an action that a user has requested is still in progress."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, F, OuterRef, Q

from deployments.lifecycle import Action, Status, TargetStatus
from deployments.models import Actor, Deployment, Generation


def is_under_way(actor: Actor, action: Action, ids: Sequence[str], *, generation: int = 0) -> bool:
    """Return whether an action is still in progress on any of the deployments that the actor may see.

    Args:
        generation: the one that an update has created; a later change creates another one.
    """
    rows = Deployment.objects.filter(pk__in=ids)
    if actor.groups is not None:
        rows = rows.filter(resource_group__in=actor.groups)
    if action is Action.STOP:
        rows = rows.exclude(status=Status.STOPPED)
    elif action is Action.UPDATE:
        is_open = Exists(
            Generation.objects.filter(deployment=OuterRef("pk"), number=OuterRef("generation"), outcome="")
        )
        rows = rows.filter(
            Q(observed_generation__lt=F("generation")) | is_open,
            generation=generation,
            target_status=TargetStatus.RUNNING,
        )
    return rows.exists()
