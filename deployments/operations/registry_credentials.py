"""The form of credentials of container registries: that of Docker's `config.json`, as `imagePullSecrets` need it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _


def docker_config(registry: str, user: str, password: str) -> str:
    """Return the credentials of one registry in that form."""
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    return json.dumps({"auths": {registry: {"username": user, "password": password, "auth": auth}}})


def docker_config_problem(text: str) -> str:
    """Return what is wrong with credentials, one sentence that repeats none of them; `""` for nothing."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        return _(
            "This is not JSON. Give the text of Docker's config.json, not encoded in Base64: "
            '{"auths": {"registry.example": {"username": "…", "password": "…"}}}.'
        )
    auths = config.get("auths") if isinstance(config, Mapping) else None
    if not isinstance(auths, Mapping) or not auths:
        return _('Name at least one registry under "auths", with "auth" or "username" and "password".')
    for registry, credentials in auths.items():
        if problem := _entry_problem(registry.strip(), credentials):
            return problem
    return ""


def _entry_problem(registry: str, credentials: Any) -> str:
    if not registry:
        return _('A registry under "auths" has no address.')
    if not isinstance(credentials, Mapping) or not _is_complete(credentials):
        return _(
            'The registry %(registry)s needs "username" and "password", or "auth": both of them with a colon between, '
            "in Base64."
        ) % {"registry": registry[:200]}
    return ""


def _is_complete(credentials: Mapping[str, Any]) -> bool:
    user, password, auth = (credentials.get(name) for name in ("username", "password", "auth"))
    if auth in (None, ""):
        return isinstance(user, str) and isinstance(password, str) and bool(user and password)
    try:
        name, colon, _password = base64.b64decode(auth, validate=True).decode().partition(":")
    except (ValueError, TypeError):
        return False
    return bool(name and colon)
