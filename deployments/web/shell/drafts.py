"""Drafts: the input of a wizard so far, stored on the server so that a reload or a detour loses nothing.

Each window has a draft of its own, with a key in the URLs and forms of its wizard, so that windows do not affect each
other. Two windows may still show the same draft (a copied URL); a form therefore contains a digest of the values that
it is based on, and its input is accepted only while they are unchanged.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any

from deployments.models import Draft
from deployments.web.shell.guards import PageRequest, enter_group

MAX_DRAFTS = 20  # per user and wizard; older ones are deleted
_KEY = re.compile(r"[\w-]{1,32}", re.ASCII)
_HAS_ENTRIES = "has_entries"


class StaleDraft(Exception):
    """The draft has been changed, completed or cancelled since the form was rendered."""


@dataclass(frozen=True, kw_only=True)
class WindowDraft:
    """The draft of one wizard in one window. Its row may not exist yet, or may be deleted.

    Args:
        kind: name of the wizard.
        key: identifies the draft in URLs and forms.
        group_id: the resource group of a new draft.
    """

    user_id: int
    kind: str
    key: str
    group_id: str

    def load(self, *, for_update: bool = False) -> dict[str, Any]:
        """Return the stored input, empty when there is none.

        Args:
            for_update: lock the row until the end of the transaction.
        """
        rows = self._rows().select_for_update() if for_update else self._rows()
        values: dict[str, Any] = rows.values_list("values", flat=True).first() or {}
        return {name: value for name, value in values.items() if name != _HAS_ENTRIES}

    def save(self, values: dict[str, Any], *, has_entries: bool = True) -> None:
        """Store the input so far.

        Args:
            has_entries: whether a user has entered it; False for values preselected by a link.
        """
        _row, is_new = Draft.objects.update_or_create(
            user_id=self.user_id,
            kind=self.kind,
            key=self.key,
            defaults={"values": values | {_HAS_ENTRIES: has_entries}},
            create_defaults={"values": values | {_HAS_ENTRIES: has_entries}, "resource_group_id": self.group_id},
        )
        if is_new:
            drafts = Draft.objects.filter(user=self.user_id, kind=self.kind)
            newest = list(drafts.order_by("-changed_at", "-pk").values_list("pk", flat=True)[:MAX_DRAFTS])
            drafts.exclude(pk__in=newest).delete()

    def discard(self) -> None:
        """Delete the draft: it was completed or cancelled."""
        self._rows().delete()

    def _rows(self) -> Any:
        return Draft.objects.filter(user=self.user_id, kind=self.kind, key=self.key)


def window_draft(request: PageRequest, kind: str, *, key: str | None = None) -> WindowDraft:
    """Return the draft of a form or URL, a new one when there is none, and enter its resource group.

    Args:
        key: the draft to use instead.

    Raises:
        Http404: it belongs to a group that the user may not see any more.
    """
    if key is None:
        key = request.POST.get("draft") or request.GET.get("draft", "")
    if not _KEY.fullmatch(key):
        return new_draft(request, kind)
    rows = Draft.objects.filter(user=request.user.pk, kind=kind, key=key)
    group_id = rows.values_list("resource_group_id", flat=True).first()
    if group_id is not None and group_id != request.group.pk:
        enter_group(request, group_id)
    return WindowDraft(user_id=request.user.pk, kind=kind, key=key, group_id=request.group.pk)


def new_draft(request: PageRequest, kind: str) -> WindowDraft:
    """Return a draft for a window in which a wizard starts; nothing is stored yet."""
    return WindowDraft(user_id=request.user.pk, kind=kind, key=secrets.token_urlsafe(9), group_id=request.group.pk)


def unfinished_draft(request: PageRequest, kind: str) -> Draft | None:
    """Return the latest unfinished draft in this group, which the first step of the wizard offers."""
    if request.method != "GET" or request.GET.get("draft"):
        return None
    drafts = Draft.objects.filter(user=request.user.pk, resource_group=request.group, kind=kind)
    return drafts.filter(**{f"values__{_HAS_ENTRIES}": True}).order_by("-changed_at", "-pk").first()


def digest_of(values: Any) -> str:
    """Return a short digest of values of JSON's types."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
