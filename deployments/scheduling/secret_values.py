"""The secret values of environment variables and of registries: loaded and decrypted only to start a server."""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.db.models import Q

from deployments import reasons
from deployments.errors import SecretMissing
from deployments.messages import Message
from deployments.models import ResourceGroup, Secret
from deployments.models.secret import DOCKER_CONFIG_KEY
from deployments.serving_template import SecretKey, ServerSpec
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


def pull_secrets(group: ResourceGroup, server_spec: ServerSpec) -> tuple[str, ...]:
    """Return what opens the registry of an image, each in the form of Docker's `config.json`; none without an image.

    Raises:
        SecretMissing: the resource group has no such secret, it has another form, or it cannot be decrypted.
    """
    if not server_spec.image or not group.connection.driver.capabilities.images:
        return ()
    names, group_id = list(dict.fromkeys(server_spec.pull_secrets)), group.pk
    by_name = _secrets(group_id, set(names)) if names else {}
    configs = []
    for name in names:
        if (secret := by_name.get(name)) is None:
            raise SecretMissing(reasons.PULL_SECRET_MISSING(secret=name, group=group_id))
        config = _decrypt(secret).get(DOCKER_CONFIG_KEY, "")
        if not _is_docker_config(config):
            raise SecretMissing(reasons.PULL_SECRET_INVALID(secret=name, key=DOCKER_CONFIG_KEY))
        configs.append(config)
    return tuple(configs)


def _is_docker_config(text: str) -> bool:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        return False
    auths = config.get("auths") if isinstance(config, dict) else None
    return isinstance(auths, dict) and bool(auths) and all(isinstance(entry, dict) for entry in auths.values())


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
