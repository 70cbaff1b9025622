"""Issues and revokes the credentials of programs. A secret is shown once; only its hash is stored."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from deployments.auth import tokens
from deployments.auth.permissions import require_everywhere
from deployments.errors import InvalidInput
from deployments.models import Actor, ResourceGroup, Role, ServiceKey, secret_digest
from deployments.operations.audit import record


@dataclass(frozen=True, kw_only=True)
class IssuedKey:
    """A new service key with its secret, which cannot be shown again."""

    key: ServiceKey
    secret: str


def issue_service_key(
    actor: Actor,
    *,
    name: str,
    role: Role = Role.EDITOR,
    groups: Sequence[ResourceGroup] | None = None,
    expires_at: datetime | None = None,
) -> IssuedKey:
    """Create a service key.

    Args:
        groups: the resource groups that it may use, None for all.
        expires_at: None for no expiry.

    Raises:
        InvalidInput: "name" or "expires_at" -> what is wrong.
    """
    require_everywhere(actor)
    problems = {}
    if not name.strip() or len(name) > 128:
        problems["name"] = _("Give the key a name of at most 128 characters that says which program uses it.")
    if expires_at is not None and expires_at <= timezone.now():
        problems["expires_at"] = _("This time is over already. Choose a later one, or leave it empty.")
    if problems:
        raise InvalidInput(problems)
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        key = ServiceKey.objects.create(
            client_id=f"sk-{secrets.token_hex(12)}",
            secret_hash=secret_digest(secret),
            name=name.strip(),
            role=role,
            all_groups=groups is None,
            expires_at=expires_at,
        )
        key.resource_groups.set(groups or [])
        ids = None if groups is None else [group.pk for group in groups]
        record(actor.name, "create", key, after={"role": role, "groups": ids})
    return IssuedKey(key=key, secret=secret)


def service_key_file(issued: IssuedKey) -> dict[str, object]:
    """Return the content of a key's file, in the format of SAP AI Core's service keys."""
    return {
        "clientid": issued.key.client_id,
        "clientsecret": issued.secret,
        "url": settings.LAUNCHPAD_URL,
        "serviceurls": {"AI_API_URL": settings.LAUNCHPAD_URL},
    }


def revoke_service_key(actor: Actor, key: ServiceKey) -> None:
    """Revoke a key; its tokens are refused from the gateway's next synchronisation on."""
    require_everywhere(actor)
    with transaction.atomic():
        if ServiceKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            record(actor.name, "revoke", key)


def rotate_signing_key(actor: Actor) -> str:
    """Create a new signing key for access tokens; tokens signed with the current one stay valid until they expire.

    Returns:
        The new key's id.
    """
    require_everywhere(actor)
    kid = tokens.rotate()
    record(actor.name, "rotate", "signing key", after={"id": kid})
    return kid
