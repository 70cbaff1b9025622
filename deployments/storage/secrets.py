"""Encryption of stored secrets with LAUNCHPAD_SECRETS_KEY, a list of keys.

The first key encrypts, all of them decrypt, so that a key can be replaced without losing secrets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from deployments.errors import LaunchpadError


class WrongKey(LaunchpadError):
    """The value was encrypted with a key that is not in LAUNCHPAD_SECRETS_KEY."""


def encrypt(values: Mapping[str, str]) -> str:
    """Return key -> value in the encrypted form that is stored."""
    return _cipher().encrypt(json.dumps(dict(values)).encode()).decode()


def decrypt(encrypted: str) -> dict[str, str]:
    """Return what `encrypt` was given.

    Raises:
        WrongKey: it was encrypted with a key that is no longer in LAUNCHPAD_SECRETS_KEY.
    """
    try:
        values: dict[str, str] = json.loads(_cipher().decrypt(encrypted))
    except InvalidToken as error:
        raise WrongKey("It was encrypted with another key than LAUNCHPAD_SECRETS_KEY has now.") from error
    return values


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.LAUNCHPAD_SECRETS_KEYS])
