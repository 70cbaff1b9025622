"""The tokens of the gateway and the API: RS256 JWTs whose keys are made at the first start.

The newest key signs; older ones stay valid until every token they signed has run out, so a rotation is not noticed.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

AUDIENCE = "launchpad"
LIFETIME = 43_199  # seconds, as clients of the AI API expect
KEY_BITS = 2048
ALL_GROUPS = "*"


class TokenInvalid(Exception):
    """A token was not made by us, has run out, or is none."""


def folder() -> Path:
    """Return where the keys are kept."""
    return Path(settings.LAUNCHPAD_HOME) / "tokens"


def ensure_key() -> None:
    """Make the first key when there is none."""
    if not _key_files():
        rotate()


def rotate() -> str:
    """Make a new key that signs from now on, remove those that nothing valid is signed with, and return its id."""
    folder().mkdir(parents=True, exist_ok=True)
    replaced_at = time.time()
    for path in _key_files():
        until = path.with_suffix(".until")
        if not until.exists():
            until.write_text(str(replaced_at + LIFETIME))
        elif float(until.read_text()) < replaced_at:
            path.unlink()
            path.with_suffix(".pub").unlink(missing_ok=True)
            until.unlink()
    kid = f"{int(replaced_at)}-{secrets.token_hex(4)}"
    key = RSAKey.generate_key(KEY_BITS, {"kid": kid})
    path = folder() / f"{kid}.pem"
    path.with_suffix(".pub").write_bytes(key.as_pem(private=False))
    draft = path.with_suffix(".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(key.as_pem(private=True))
    draft.replace(path)
    return kid


def public_key_files() -> dict[str, Path]:
    """Return key id -> file of its public key, for the gateway."""
    return {path.stem: path.with_suffix(".pub") for path in _key_files()}


def jwks() -> dict[str, Any]:
    """Return the public keys in the form of RFC 7517."""
    return {"keys": [_load(path).as_dict(private=False, use="sig", alg="RS256") for path in _key_files()]}


def issue(
    *,
    subject: str,
    client_id: str = "",
    resource_groups: Iterable[str] | None,
    role: str,
    lifetime_seconds: int = LIFETIME,
    probe: bool = False,
) -> str:
    """Sign a token.

    Args:
        subject: who it speaks for.
        client_id: the service key it was issued for, by which it can be revoked.
        resource_groups: the groups it may use, None for all.
        probe: whether it may choose a generation that has no public traffic yet.
    """
    key = _load(_key_files()[-1])
    now = int(time.time())
    groups = ALL_GROUPS if resource_groups is None else ",".join(sorted(resource_groups))
    claims = {
        "iss": settings.LAUNCHPAD_URL,
        "aud": AUDIENCE,
        "sub": subject,
        "azp": client_id or subject,
        "jti": secrets.token_hex(16),
        "iat": now,
        "exp": now + lifetime_seconds,
        "scope": f"launchpad.{role}",
        "role": role,
        "groups": groups,
    }
    if probe:
        claims["probe"] = "1"
    return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": key.kid}, claims, key)


def verify(token: str) -> dict[str, Any]:
    """Return the claims of a valid token.

    Raises:
        TokenInvalid: with a sentence that says why it is not.
    """
    keys = KeySet([_load(path) for path in _key_files()])
    try:
        claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
        jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": settings.LAUNCHPAD_URL},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
        ).validate(claims)
    except (JoseError, ValueError) as error:
        raise TokenInvalid(f"The token is not valid: {error}") from error
    return claims


def _key_files() -> list[Path]:
    """Return the private keys, the oldest first: their names begin with their time."""
    return sorted(folder().glob("*.pem"))


def _load(path: Path) -> RSAKey:
    return _parsed(path, path.stat().st_mtime_ns)


@cache
def _parsed(path: Path, _changed: int) -> RSAKey:
    return RSAKey.import_key(path.read_bytes(), {"kid": path.stem})
