"""The secret values of environment variables: loaded and decrypted only to start a server."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q

from deployments import reasons
from deployments.errors import SecretMissing
from deployments.messages import Message
from deployments.models import Secret
from deployments.serving_template import SecretKey
from deployments.storage.secrets import WrongKey, decrypt


def values_for(group_id: str, secret_env: Mapping[str, SecretKey]) -> dict[str, str]:
    """Return the value of each environment variable, without optional ones that have no value.

    Args:
        secret_env: variable -> the secret's key that it takes its value from.

    Raises:
        SecretMissing: the resource group has no such secret or key, or its values cannot be decrypted.
    """
    by_name = _secrets(group_id, {key.secret for key in secret_env.values()}) if secret_env else {}
    values = {}
    for variable, key in secret_env.items():
        secret = by_name.get(key.secret)
        if secret is not None and key.key in secret.keys:
            values[variable] = _decrypt(secret)[key.key]
        elif not key.optional:
            raise SecretMissing(_what_is_missing(group_id, variable, key, secret))
    return values


def check(group_id: str, secret_env: Mapping[str, SecretKey]) -> None:
    """Do nothing when all values are available.

    Raises:
        SecretMissing: as `values_for`.
    """
    values_for(group_id, secret_env)


def _secrets(group_id: str, names: set[str]) -> dict[str, Secret]:
    rows = Secret.objects.filter(Q(resource_group=group_id) | Q(resource_group=None), name__in=names)
    # The group's own secrets come last and so override those for all groups.
    return {row.name: row for row in sorted(rows, key=lambda row: row.resource_group_id is not None)}


def _decrypt(secret: Secret) -> dict[str, str]:
    try:
        return decrypt(secret.encrypted)
    except WrongKey as error:
        raise SecretMissing(reasons.SECRET_NOT_READABLE(name=secret.name)) from error


def _what_is_missing(group_id: str, variable: str, key: SecretKey, secret: Secret | None) -> Message:
    if secret is None:
        return reasons.SECRET_MISSING(variable=variable, secret=key.secret, group=group_id)
    keys = ", ".join(sorted(secret.keys))
    return reasons.SECRET_KEY_MISSING(variable=variable, key=key.key, secret=key.secret, keys=keys)
