"""Access tokens for service keys and people, with a grant that says the same, by which they can be refused later."""

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

# A grant is written when a token outlives it, for that much longer: not for every token.
KEPT_LONGER = timedelta(hours=1)
logger = logging.getLogger(__name__)


def issue_for_key(key: ServiceKey, *, lifetime_seconds: int, jti: str) -> str:
    """Return a token with all that a service key may."""
    groups = None if key.all_groups else frozenset(key.resource_groups.values_list("pk", flat=True))
    grant = TokenGrant(client_id=key.client_id, subject=key.client_id, role=key.role)
    return _issue(grant, groups, lifetime_seconds=lifetime_seconds, jti=jti)


def issue_for_person(user: User, role: Role, group_id: str, *, lifetime_seconds: int) -> str:
    """Return a token for predictions alone, of the deployments of one resource group."""
    grant = TokenGrant(client_id=user.token_client, subject=user.get_username(), role=role)
    return _issue(grant, frozenset({group_id}), lifetime_seconds=lifetime_seconds, inference_only=True)


def actor_of(claims: tokens.Claims) -> Actor | None:
    """Return who holds a token, with what both the token and the database allow; None when it is nobody any more."""
    holder = holders([claims.client_id]).get(claims.client_id)
    if holder is None or holder.subject != claims.subject:
        return None
    groups = claims.groups
    if claims.has_groups_of_grant:
        kept = TokenGrant.objects.filter(pk=claims.grant, client_id=claims.client_id).values_list("groups", flat=True)
        groups = frozenset(kept.first() or ())
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
    said = json.dumps([grant.client_id, grant.subject, grant.role, grant.groups])
    grant.pk = hashlib.sha256(said.encode()).hexdigest()[:32]
    is_by_grant = groups is not None and are_too_many(groups)
    if _keep(grant, lifetime_seconds) and is_by_grant:
        _tell_gateway()
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


def _keep(grant: TokenGrant, lifetime_seconds: int) -> bool:
    """Write a grant that a token is to name, before the token is given away; return whether it was not kept yet."""
    now = timezone.now()
    needed = now + timedelta(seconds=lifetime_seconds)
    kept_until = TokenGrant.objects.filter(pk=grant.pk).values_list("expires_at", flat=True).first()
    if kept_until is None or kept_until < needed:
        names = ("client_id", "subject", "role", "groups")
        values = {name: getattr(grant, name) for name in names} | {"expires_at": needed + KEPT_LONGER}
        TokenGrant.objects.update_or_create(pk=grant.pk, defaults=values)
    return kept_until is None or kept_until <= now


def _tell_gateway() -> None:
    """Let the gateway know the groups of a new grant before its first token is used, not two seconds later."""
    try:
        sync.apply()
    except (GatewayUnavailable, GatewayRejected) as error:
        logger.warning("The gateway learns of a service key's groups with the next sweep only: %s", error)
