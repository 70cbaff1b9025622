"""Issues access tokens for service keys and users, each with a grant in the database, by which they can be revoked."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import timedelta

from django.utils import timezone

from deployments.auth import tokens
from deployments.errors import GatewayRejected, GatewayUnavailable
from deployments.gateway import sync
from deployments.gateway.holders import are_too_many, holders
from deployments.models import Actor, Role, ServiceKey, TokenGrant, User

# A grant is extended when a token outlives it, by this much more, so that not every token writes to the database.
EXTRA_LIFETIME = timedelta(hours=1)
logger = logging.getLogger(__name__)


def issue_for_key(key: ServiceKey, *, lifetime_seconds: int, jti: str) -> str:
    """Return a token with all rights of a service key."""
    groups = None if key.all_groups else frozenset(key.resource_groups.values_list("pk", flat=True))
    grant = TokenGrant(client_id=key.client_id, subject=key.client_id, role=key.role)
    return _issue(grant, groups, lifetime_seconds=lifetime_seconds, jti=jti)


def issue_for_person(user: User, role: Role, group_id: str, *, lifetime_seconds: int) -> str:
    """Return a token for predictions only, of the deployments of one resource group."""
    grant = TokenGrant(client_id=user.token_client, subject=user.get_username(), role=role)
    return _issue(grant, frozenset({group_id}), lifetime_seconds=lifetime_seconds, inference_only=True)


def actor_of(claims: tokens.Claims) -> Actor | None:
    """Return the holder of a token with the rights that token and database have in common; None when it is gone."""
    holder = holders([claims.client_id]).get(claims.client_id)
    if holder is None or holder.subject != claims.subject:
        return None
    groups = claims.groups
    if claims.has_groups_of_grant:
        stored = TokenGrant.objects.filter(pk=claims.grant, client_id=claims.client_id).values_list(
            "groups", flat=True
        )
        groups = frozenset(stored.first() or ())
    return holder.actor.within(Role(claims.role), groups)


def _issue(
    grant: TokenGrant,
    groups: frozenset[str] | None,
    *,
    lifetime_seconds: int,
    jti: str = "",
    inference_only: bool = False,
) -> str:
    grant.groups = None if groups is None else sorted(groups)
    content = json.dumps([grant.client_id, grant.subject, grant.role, grant.groups])
    grant.pk = hashlib.sha256(content.encode()).hexdigest()[:32]
    is_by_grant = groups is not None and are_too_many(groups)
    if _save(grant, lifetime_seconds) and is_by_grant:
        _update_gateway()
    return tokens.issue(
        subject=grant.subject,
        client_id=grant.client_id,
        resource_groups=[tokens.GROUPS_OF_GRANT] if is_by_grant else groups,
        role=grant.role,
        lifetime_seconds=lifetime_seconds,
        jti=jti,
        grant=grant.pk,
        inference_only=inference_only,
    )


def _save(grant: TokenGrant, lifetime_seconds: int) -> bool:
    """Save a grant before a token that refers to it is issued; return whether the grant is new."""
    now = timezone.now()
    needed_until = now + timedelta(seconds=lifetime_seconds)
    stored_until = TokenGrant.objects.filter(pk=grant.pk).values_list("expires_at", flat=True).first()
    if stored_until is None or stored_until < needed_until:
        names = ("client_id", "subject", "role", "groups")
        values = {name: getattr(grant, name) for name in names} | {"expires_at": needed_until + EXTRA_LIFETIME}
        TokenGrant.objects.update_or_create(pk=grant.pk, defaults=values)
    return stored_until is None or stored_until <= now


def _update_gateway() -> None:
    """Send the groups of a new grant to the gateway before its first token is used; the sweep would be 2 s late."""
    try:
        sync.apply()
    except (GatewayUnavailable, GatewayRejected) as error:
        logger.warning("The gateway gets the groups of a service key only with the next sweep: %s", error)
