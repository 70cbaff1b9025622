"""What a person has entered into a wizard so far, kept on the server so that a reload or a detour loses nothing.

Each window has a draft of its own, named by a key in the addresses and forms of its wizard: what one window does never
ends in another. Two windows may still show the same draft (a copied address); a form therefore carries a digest of
what it builds on, and what it sends is taken only while that is unchanged.
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

KEPT_DRAFTS = 20  # of one person and wizard; the older ones are forgotten
_KEY = re.compile(r"[\w-]{1,32}", re.ASCII)
_HAS_ENTRIES = "has_entries"


class StaleDraft(Exception):
    """The draft is not what it was when the form was shown: changed, made into something or cancelled since."""


@dataclass(frozen=True, kw_only=True)
class WindowDraft:
    """The draft of one wizard in one window. There may be no row of it yet, or no more.

    Args:
        kind: name of the wizard.
        key: names the draft in addresses and forms.
        group_id: resource group that a new one belongs to.
    """

    user_id: int
    kind: str
    key: str
    group_id: str

    def load(self, *, for_update: bool = False) -> dict[str, Any]:
        """Return what was entered, empty when nothing was.

        Args:
            for_update: keep other requests from changing it until the end of the transaction.
        """
        rows = self._rows().select_for_update() if for_update else self._rows()
        values: dict[str, Any] = rows.values_list("values", flat=True).first() or {}
        return {name: value for name, value in values.items() if name != _HAS_ENTRIES}

    def save(self, values: dict[str, Any], *, has_entries: bool = True) -> None:
        """Remember what was entered so far.

        Args:
            has_entries: somebody has entered it; False for what a link has chosen, which nobody would miss.
        """
        _row, is_new = Draft.objects.update_or_create(
            user_id=self.user_id,
            kind=self.kind,
            key=self.key,
            defaults={"values": values | {_HAS_ENTRIES: has_entries}},
            create_defaults={"values": values | {_HAS_ENTRIES: has_entries}, "resource_group_id": self.group_id},
        )
        if is_new:
            mine = Draft.objects.filter(user=self.user_id, kind=self.kind)
            newest = list(mine.order_by("-changed_at", "-pk").values_list("pk", flat=True)[:KEPT_DRAFTS])
            mine.exclude(pk__in=newest).delete()

    def discard(self) -> None:
        """Forget what was entered: it has become what it was for, or was cancelled."""
        self._rows().delete()

    def _rows(self) -> Any:
        return Draft.objects.filter(user=self.user_id, kind=self.kind, key=self.key)


def window_draft(request: PageRequest, kind: str, *, key: str | None = None) -> WindowDraft:
    """Return the draft that a form or an address names, a new one when it names none; enter its resource group.

    Args:
        key: the draft to use instead.

    Raises:
        Http404: it belongs to a group that its reader may not see any more.
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
    """Return a draft for a window in which a wizard begins; nothing is stored yet."""
    return WindowDraft(user_id=request.user.pk, kind=kind, key=secrets.token_urlsafe(9), group_id=request.group.pk)


def unfinished_draft(request: PageRequest, kind: str) -> Draft | None:
    """Return the draft that was left last in this group, to be offered where the wizard begins anew."""
    if request.method != "GET" or request.GET.get("draft"):
        return None
    drafts = Draft.objects.filter(user=request.user.pk, resource_group=request.group, kind=kind)
    return drafts.filter(**{f"values__{_HAS_ENTRIES}": True}).order_by("-changed_at", "-pk").first()


def digest_of(values: Any) -> str:
    """Return a short text that differs when the values (of JSON's types) do."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
