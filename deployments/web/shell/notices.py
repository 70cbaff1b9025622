"""Messages about what is being done, which end when it is done, beside Django's own, which tell what was done.

They are kept as Django's messages are. What they are about is in their tags: `stop d1,d2`, `update d1 3`.
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
    """One message as it is shown.

    Args:
        kind: the semantic class of its strip.
        poll: the address that says whether it is still true, `""` for one that stays.
    """

    kind: str
    text: str
    poll: str = ""


def announce(request: HttpRequest, text: str, action: Action, ids: Sequence[str], *, generation: int = 0) -> None:
    """Say on the next page that something is being done to deployments, until it is done."""
    messages.success(request, text, extra_tags=f"{action} {','.join(ids)} {generation or ''}".rstrip())


def announce_one(request: HttpRequest, text: str, action: Action, deployment: Deployment) -> None:
    """Say that something is being done to a deployment that has just been changed."""
    announce(request, text, action, [deployment.pk], generation=deployment.generation)


def apart(name: str) -> str:
    """Return a name that somebody chose for a sentence of plain text, so that it turns no word beside it around.

    Only a name that could is changed, since whoever copies the sentence copies these characters, too.
    """
    plain = "".join(c for c in name if unicodedata.bidirectional(c) not in _DIRECTING)
    may_turn = plain != name or any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in name)
    return f"{_ISOLATE}{plain}{_END}" if may_turn else name


def notices(request: HttpRequest) -> list[Notice]:
    """Return the messages that have not been shown yet and are still true."""
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
    """Return whether what a notice says is still being done."""
    user, generation = request.user, query["generation"]
    if not isinstance(user, User) or query["action"] not in list(Action):
        return False
    number = int(generation) if generation.isdecimal() else 0
    return is_under_way(user.actor(), Action(query["action"]), query["ids"].split(","), generation=number)
