"""Who holds access tokens, and whether what the tokens say still holds in the database.

Whoever loses a right after a token was issued (a person is deleted, moved to another resource group, renamed; a key is
revoked) has a grant that the database does not cover any more: the gateway refuses its tokens from the next sweep on.
Nothing has to be remembered at the change itself, so no way of changing rows is forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from deployments.models import Actor, Role, ServiceKey, TokenGrant, User
from deployments.models.accounts import PERSON_PREFIX

MAX_GROUP_CHARACTERS = 2000  # in a token; many servers refuse headers above 8 KB


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A service key or a person.

    Args:
        subject: what tokens call it; of a person the name, with whose change the tokens end.
        actor: what it may now.
    """

    subject: str
    actor: Actor


@dataclass(frozen=True, kw_only=True)
class Grants:
    """What the gateway has to know of the grants that tokens may name.

    Args:
        revoked: ids of those that the database does not cover any more.
        groups: id -> resource groups, of those whose groups are too many for a token.
    """

    revoked: frozenset[str]
    groups: Mapping[str, tuple[str, ...]]


def are_too_many(groups: Collection[str]) -> bool:
    """Return whether resource groups are too many to be named in a token."""
    return len(",".join(groups)) > MAX_GROUP_CHARACTERS


def holders(client_ids: Iterable[str]) -> dict[str, Holder]:
    """Return client id -> holder, of those that may have tokens now."""
    wanted = set(client_ids)
    numbers = [int(one.removeprefix(PERSON_PREFIX)) for one in wanted if one.startswith(PERSON_PREFIX)]
    found = {}
    people = list(User.objects.filter(pk__in=numbers, is_active=True)) if numbers else []
    theirs = _groups(User.resource_groups.through, "user", [one.pk for one in people if not one.all_groups])
    for user in people:
        actor = Actor(name=user.get_username(), role=Role.ADMINISTRATOR)
        if not user.is_superuser:
            groups = None if user.all_groups else theirs.get(user.pk, frozenset())
            actor = Actor(name=user.get_username(), role=Role(user.role), groups=groups)
        found[user.token_client] = Holder(subject=user.get_username(), actor=actor)
    names = [one for one in wanted if not one.startswith(PERSON_PREFIX)]
    keys = [key for key in ServiceKey.objects.filter(client_id__in=names).order_by() if key.is_usable] if names else []
    theirs = _groups(ServiceKey.resource_groups.through, "servicekey", [one.pk for one in keys if not one.all_groups])
    for key in keys:
        groups = None if key.all_groups else theirs.get(key.pk, frozenset())
        actor = Actor(name=key.name or key.client_id, role=Role(key.role), groups=groups)
        found[key.client_id] = Holder(subject=key.client_id, actor=actor)
    return found


def look() -> Grants:
    """Compare all grants that tokens may name with what the database says now."""
    grants = list(TokenGrant.objects.filter(expires_at__gt=timezone.now()))
    known = holders(grant.client_id for grant in grants)
    revoked: set[str] = set()
    named: dict[str, tuple[str, ...]] = {}
    for grant in grants:
        holder = known.get(grant.client_id)
        groups = None if grant.groups is None else frozenset(grant.groups)
        if holder is None or holder.subject != grant.subject or not holder.actor.covers(Role(grant.role), groups):
            revoked.add(grant.pk)
        elif groups is not None and are_too_many(groups):
            named[grant.pk] = tuple(sorted(groups))
    return Grants(revoked=frozenset(revoked), groups=named)


def _groups(through: Any, column: str, pks: list[int]) -> dict[int, frozenset[str]]:
    """Return who -> ids of its resource groups, in one query."""
    rows = through.objects.filter(**{f"{column}__in": pks}) if pks else through.objects.none()
    found: dict[int, set[str]] = {}
    for pk, group in rows.values_list(f"{column}_id", "resourcegroup_id"):
        found.setdefault(pk, set()).add(group)
    return {pk: frozenset(groups) for pk, groups in found.items()}
