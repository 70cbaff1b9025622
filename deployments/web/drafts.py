"""What a person has entered into a wizard so far, kept on the server so that a reload or a detour loses nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from deployments.models import Draft
from deployments.web.access import PageRequest


def draft_of(request: PageRequest, kind: str) -> dict[str, Any]:
    """Return what was entered into the wizard `kind` in this resource group, empty when nothing was."""
    values = (
        Draft.objects.filter(user=request.user.pk, resource_group=request.group, kind=kind)
        .values_list("values", flat=True)
        .first()
    )
    return dict(values or {})


def continued_from(request: PageRequest, kind: str) -> datetime | None:
    """Return when the draft was left that a wizard goes on with, None when it begins anew or is in the middle."""
    if request.method != "GET" or "step" in request.GET:
        return None
    drafts = Draft.objects.filter(user=request.user.pk, resource_group=request.group, kind=kind)
    return drafts.values_list("changed_at", flat=True).first()


def keep_draft(request: PageRequest, kind: str, values: dict[str, Any]) -> None:
    """Remember what was entered so far."""
    Draft.objects.update_or_create(
        user_id=request.user.pk, resource_group=request.group, kind=kind, defaults={"values": values}
    )


def discard_draft(request: PageRequest, kind: str) -> None:
    """Forget what was entered: it has become what it was for, or was cancelled."""
    Draft.objects.filter(user=request.user.pk, resource_group=request.group, kind=kind).delete()
