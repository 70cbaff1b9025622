"""Notices about an action in progress, which disappear when it is done, beside Django's own messages.

They are stored as Django's messages, with the action in their tags: `stop d1,d2`, `update d1 3`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from deployments.lifecycle import Action
from deployments.models import Deployment, User
from deployments.queries.deployments_under_way import is_under_way

_ISOLATE, _END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_DIRECTING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # bidirectional classes of controls
_RIGHT_TO_LEFT = {"R", "AL"}


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One message on a page.

    Args:
        kind: the CSS class of its colour.
        poll: the URL that tells whether it is still true, `""` for one that stays.
    """

    kind: str
    text: str
    poll: str = ""


def announce(request: HttpRequest, text: str, action: Action, ids: Sequence[str], *, generation: int = 0) -> None:
    """Show a notice on the next page until an action on deployments is done."""
    messages.success(request, text, extra_tags=f"{action} {','.join(ids)} {generation or ''}".rstrip())


def announce_one(request: HttpRequest, text: str, action: Action, deployment: Deployment) -> None:
    """Show a notice about an action on a deployment that has just been changed."""
    announce(request, text, action, [deployment.pk], generation=deployment.generation)


def isolated(name: str) -> str:
    """Return a name for a sentence of plain text, isolated so that it does not change the direction of other words.

    Only a name that could do so is changed, since the added characters are copied with the sentence.
    """
    plain = "".join(c for c in name if unicodedata.bidirectional(c) not in _DIRECTING)
    may_turn = plain != name or any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in name)
    return f"{_ISOLATE}{plain}{_END}" if may_turn else name


def notices(request: HttpRequest) -> list[Notice]:
    """Return the new messages that are still true."""
    return list(_notices(request))


def _notices(request: HttpRequest) -> Iterator[Notice]:
    for message in messages.get_messages(request):
        action, _, rest = (message.extra_tags or "").partition(" ")
        if not rest:
            yield Notice(kind=message.level_tag, text=str(message))
            continue
        ids, _, generation = rest.partition(" ")
        query = {"action": action, "ids": ids, "generation": generation}
        if is_true(request, query):
            yield Notice(kind=message.level_tag, text=str(message), poll=f"{reverse('notice')}?{urlencode(query)}")


def is_true(request: HttpRequest, query: dict[str, str]) -> bool:
    """Return whether the action of a notice is still in progress."""
    user, generation = request.user, query["generation"]
    if not isinstance(user, User) or query["action"] not in list(Action):
        return False
    number = int(generation) if generation.isdecimal() else 0
    return is_under_way(user.actor(), Action(query["action"]), query["ids"].split(","), generation=number)
