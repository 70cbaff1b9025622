"""Creates, replaces and deletes secrets, for administrators. No operation returns or logs a value."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from deployments.auth.permissions import require, require_everywhere
from deployments.errors import AlreadyExists, InvalidInput
from deployments.models import DOCKER_CONFIG_KEY, Actor, ResourceGroup, Role, Secret
from deployments.operations.audit import record
from deployments.operations.registry_credentials import docker_config_problem
from deployments.storage.secrets import encrypt

NAME = re.compile(r"[a-z0-9._-]{1,252}")
_KEY = re.compile(r"[A-Za-z0-9._-]{1,253}")
MAX_KEYS = 100
MAX_VALUE = 100_000  # bytes; Linux limits an environment variable to 128 KiB
MAX_SECRET = 1_000_000  # bytes of all keys and values


def create_secret(
    actor: Actor,
    group: ResourceGroup | None,
    *,
    name: str,
    values: Mapping[str, str],
    labels: Mapping[str, str] | None = None,
) -> Secret:
    """Create a secret.

    Args:
        group: the group whose deployments may use it, None for all groups.
        values: key -> value.

    Raises:
        InvalidInput: "name", "data" or "data.KEY" -> what is wrong.
        AlreadyExists: there is one with this name.
    """
    _require(actor, group)
    if problems := _name_problems(name) | _problems(values):
        raise InvalidInput(problems)
    try:
        with transaction.atomic():
            secret = Secret.objects.create(
                resource_group=group,
                name=name,
                keys=sorted(values),
                labels=dict(labels or {}),
                encrypted=encrypt(values),
            )
            record(actor.name, "create", secret, after={"keys": secret.keys})
    except IntegrityError as error:
        sentence = _("There is a secret %(name)s already. Choose another name, or replace its values.") % {
            "name": name
        }
        raise AlreadyExists({"name": sentence}) from error
    return secret


def replace_secret(
    actor: Actor, secret: Secret, values: Mapping[str, str], *, labels: Mapping[str, str] | None = None
) -> None:
    """Replace keys and values of a secret; running servers keep the values that they were started with.

    Args:
        values: key -> value, replacing all previous ones.
        labels: None keeps the current ones.

    Raises:
        InvalidInput: "data" or "data.KEY" -> what is wrong.
    """
    _require(actor, secret.resource_group)
    if problems := _problems(values):
        raise InvalidInput(problems)
    with transaction.atomic():
        record(actor.name, "update", secret, before={"keys": secret.keys}, after={"keys": sorted(values)})
        secret.keys, secret.encrypted, secret.changed_at = sorted(values), encrypt(values), timezone.now()
        secret.labels = secret.labels if labels is None else dict(labels)
        secret.save(update_fields=["keys", "encrypted", "labels", "changed_at"])


def delete_secret(actor: Actor, secret: Secret) -> None:
    """Delete a secret. Servers that need it cannot be started any more; running ones are not affected."""
    _require(actor, secret.resource_group)
    with transaction.atomic():
        record(actor.name, "delete", secret, before={"keys": secret.keys})
        secret.delete()


def _require(actor: Actor, group: ResourceGroup | None) -> None:
    if group is None:
        require_everywhere(actor)
    else:
        require(actor, Role.ADMINISTRATOR, group)


def _name_problems(name: str) -> dict[str, str]:
    if NAME.fullmatch(name):
        return {}
    return {"name": _("Use 1 to 252 small letters, digits, dots, dashes and underscores.")}


def _problems(values: Mapping[str, str]) -> dict[str, str]:
    if not 0 < len(values) <= MAX_KEYS:
        return {
            "data": _("Give a secret 1 to %(most_keys)s keys with a value each; these are %(count)s.")
            % {"most_keys": MAX_KEYS, "count": len(values)}
        }
    problems = {}
    for key, value in values.items():
        if not _KEY.fullmatch(key):
            problems[f"data.{key[:80]}"] = _("Use 1 to 253 letters, digits, dots, dashes and underscores for a key.")
        elif "\0" in value:
            problems[f"data.{key}"] = _("The value holds a character (NUL) that no program can be given.")
        elif len(value.encode()) > MAX_VALUE:
            problems[f"data.{key}"] = _(
                "The value is longer than %(longest_value)s bytes, too long for a program."
            ) % {"longest_value": MAX_VALUE}
        elif key == DOCKER_CONFIG_KEY and (problem := docker_config_problem(value)):
            problems[f"data.{key}"] = problem
    if sum(len(key) + len(value.encode()) for key, value in values.items()) > MAX_SECRET:
        problems["data"] = _("The secret is larger than %(largest_secret)s bytes. Spread its keys over several.") % {
            "largest_secret": MAX_SECRET
        }
    return problems
