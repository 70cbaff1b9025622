"""Secrets for administrators: names, keys and the templates that use them, never values."""

from __future__ import annotations

from django.db.models import QuerySet

from deployments.auth.permissions import require, require_everywhere
from deployments.models import DOCKER_CONFIG_KEY, Actor, Executable, ResourceGroup, Role, Secret


def secrets_of(actor: Actor, group: ResourceGroup | None) -> QuerySet[Secret]:
    """Return the secrets of a resource group, or with None those of all groups.

    Raises:
        NotAllowed: `actor` is not an administrator there.
    """
    if group is None:
        require_everywhere(actor)
    else:
        require(actor, Role.ADMINISTRATOR, group)
    return Secret.objects.filter(resource_group=group).select_related("resource_group")


def registry_secrets_of(actor: Actor, group: ResourceGroup | None) -> QuerySet[Secret]:
    """Return the credentials of container registries of a resource group, or with None those of all groups.

    Raises:
        NotAllowed: `actor` is not an administrator there.
    """
    return secrets_of(actor, group).filter(keys=[DOCKER_CONFIG_KEY])


def visible_secrets(actor: Actor, *, text: str = "") -> QuerySet[Secret]:
    """Return all secrets that an administrator may see, in the order of their names.

    Args:
        text: part of a name.

    Raises:
        NotAllowed: `actor` is not an administrator.
    """
    require(actor, Role.ADMINISTRATOR)
    rows = Secret.objects.select_related("resource_group").order_by("name", "resource_group")
    rows = rows.filter(name__icontains=text) if text else rows
    return rows if actor.groups is None else rows.filter(resource_group__in=actor.groups)


def templates_using(secret: Secret) -> list[Executable]:
    """Return the deployment templates that take a value from a secret of this name."""
    candidates = Executable.objects.filter(text__contains=secret.name)
    return [
        row for row in candidates if secret.name in {key.secret for key in row.template.server.secret_env.values()}
    ]
