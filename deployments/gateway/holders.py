"""The holders of access tokens, and whether the rights in their tokens are still covered by the database.

When a holder loses a right after a token was issued (a user is deleted, moved to another resource group, renamed; a
key is revoked), the database no longer covers its grant: the gateway refuses its tokens from the next sweep on. This
compares rows, so that it works for every way of changing them and no code that changes them has to know of it.
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
    """A service key or a user.

    Args:
        subject: its `sub` in tokens; of a user the name, so that renaming a user revokes the tokens.
        actor: its current rights.
    """

    subject: str
    actor: Actor


@dataclass(frozen=True, kw_only=True)
class Grants:
    """The grants as the gateway needs them.

    Args:
        revoked: ids of those that the database does not cover any more.
        groups: id -> resource groups, for those with too many groups for a token.
    """

    revoked: frozenset[str]
    groups: Mapping[str, tuple[str, ...]]


def are_too_many(groups: Collection[str]) -> bool:
    """Return whether resource groups are too many to be named in a token."""
    return len(",".join(groups)) > MAX_GROUP_CHARACTERS


def holders(client_ids: Iterable[str]) -> dict[str, Holder]:
    """Return client id -> holder, for those that may have tokens now."""
    ids = set(client_ids)
    user_pks = [int(pk.removeprefix(PERSON_PREFIX)) for pk in ids if pk.startswith(PERSON_PREFIX)]
    by_client = {}
    users = list(User.objects.filter(pk__in=user_pks, is_active=True)) if user_pks else []
    group_ids = _groups(User.resource_groups.through, "user", [user.pk for user in users if not user.all_groups])
    for user in users:
        actor = Actor(name=user.get_username(), role=Role.ADMINISTRATOR)
        if not user.is_superuser:
            groups = None if user.all_groups else group_ids.get(user.pk, frozenset())
            actor = Actor(name=user.get_username(), role=Role(user.role), groups=groups)
        by_client[user.token_client] = Holder(subject=user.get_username(), actor=actor)
    key_ids = [pk for pk in ids if not pk.startswith(PERSON_PREFIX)]
    stored = ServiceKey.objects.filter(client_id__in=key_ids).order_by() if key_ids else ()
    keys = [key for key in stored if key.is_usable]
    group_ids = _groups(
        ServiceKey.resource_groups.through, "servicekey", [key.pk for key in keys if not key.all_groups]
    )
    for key in keys:
        groups = None if key.all_groups else group_ids.get(key.pk, frozenset())
        actor = Actor(name=key.name or key.client_id, role=Role(key.role), groups=groups)
        by_client[key.client_id] = Holder(subject=key.client_id, actor=actor)
    return by_client


def load_grants() -> Grants:
    """Load all grants in use, and check them against the current rights of their holders."""
    grants = list(TokenGrant.objects.filter(expires_at__gt=timezone.now()))
    by_client = holders(grant.client_id for grant in grants)
    revoked: set[str] = set()
    group_ids: dict[str, tuple[str, ...]] = {}
    for grant in grants:
        holder = by_client.get(grant.client_id)
        groups = None if grant.groups is None else frozenset(grant.groups)
        if holder is None or holder.subject != grant.subject or not holder.actor.covers(Role(grant.role), groups):
            revoked.add(grant.pk)
        elif groups is not None and are_too_many(groups):
            group_ids[grant.pk] = tuple(sorted(groups))
    return Grants(revoked=frozenset(revoked), groups=group_ids)


def _groups(through: Any, column: str, pks: list[int]) -> dict[int, frozenset[str]]:
    """Return primary key of the holder -> ids of its resource groups, in one query."""
    rows = through.objects.filter(**{f"{column}__in": pks}) if pks else through.objects.none()
    groups: dict[int, set[str]] = {}
    for pk, group in rows.values_list(f"{column}_id", "resourcegroup_id"):
        groups.setdefault(pk, set()).add(group)
    return {pk: frozenset(ids) for pk, ids in groups.items()}
