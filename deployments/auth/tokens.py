"""Access tokens: RS256 JWTs that the gateway and the API verify offline.

Keys are in `LAUNCHPAD_HOME/tokens`: `<kid>.pem` (private), `<kid>.pub.pem` (for the gateway) and `keys.json`, which
says from when each key signs and until when its signatures are accepted. A new key is published before it signs, so
that the gateway knows it by then; the previous one is accepted until every token that it signed has expired.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from deployments.cached import CachedValue
from deployments.errors import TokenInvalid
from deployments.storage.files import locked, version_of, write, write_if_changed

MAX_LIFETIME = 43_199  # seconds
PUBLISH_LEAD_SECONDS = 30  # from the publication of a key to its first signature; the gateway loads it meanwhile
KEY_BITS = 2048
AUDIENCE = "launchpad"
ALL_GROUPS = "*"
GROUPS_OF_GRANT = "@"  # stands for groups that are too many for a header
INFERENCE = "launchpad.inference"  # the scope of tokens that are valid for predictions only
_UNREADABLE = (OSError, ValueError, TypeError, LookupError, JoseError)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The claims of a valid token.

    Args:
        subject: the user or program that it was issued for.
        client_id: the service key, or the client that requested it.
        role: one of the roles' values.
        groups: ids of the resource groups, None for all; empty when `has_groups_of_grant`.
        has_groups_of_grant: whether the groups are those of the grant.
        grant: id of the TokenGrant, `""` when it has none.
        expires_at: Unix time in seconds.
        is_for_inference: whether it is valid for predictions only.
        is_probe: whether it is for Launchpad's own readiness checks.
    """

    subject: str
    client_id: str
    jti: str
    role: str
    groups: frozenset[str] | None
    has_groups_of_grant: bool
    grant: str
    expires_at: int
    is_for_inference: bool
    is_probe: bool


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A key pair. Times are Unix times in seconds; `until` is None while no newer key replaces it."""

    kid: str
    key: RSAKey
    since: float
    until: float | None
    public_pem: str


def issue(
    *,
    subject: str,
    client_id: str = "launchpad",
    resource_groups: Collection[str] | None,
    role: str,
    lifetime_seconds: int = MAX_LIFETIME,
    probe: bool = False,
    jti: str = "",
    grant: str = "",
    inference_only: bool = False,
) -> str:
    """Return a signed token.

    Args:
        client_id: the service key that it is issued for, by which it can be revoked.
        resource_groups: ids of the groups whose deployments it may use, None for all.
        lifetime_seconds: at most MAX_LIFETIME.
        probe: whether it may choose a generation that is not public yet; for Launchpad's own readiness checks.
        jti: its id, a new one when left out.
        grant: id of the TokenGrant with the same content; it has the groups when `resource_groups` is
            {GROUPS_OF_GRANT}, because they are too many for a token.
        inference_only: whether it is valid for predictions only, not for the API.
    """
    if not 0 < lifetime_seconds <= MAX_LIFETIME:
        raise ValueError(f"A token lives between 1 and {MAX_LIFETIME} seconds, not {lifetime_seconds}.")
    claims = {
        "sub": subject,
        "azp": client_id,
        "client_id": client_id,
        "jti": jti or secrets.token_hex(16),
        "role": role,
        "scope": INFERENCE if inference_only else scope_of(role),
        # One string with commas, because HAProxy can search in that and not in a list.
        "groups": ALL_GROUPS if resource_groups is None else ",".join(sorted(resource_groups)),
        **({"grant": grant} if grant else {}),
        **({"launchpad_probe": True} if probe else {}),
    }
    return _signed(claims, lifetime_seconds)


def _signed(claims: Mapping[str, Any], lifetime_seconds: int) -> str:
    """Return a token of this installation that is valid from now on."""
    now = int(time.time())
    rules = {"iss": settings.LAUNCHPAD_URL, "aud": AUDIENCE, "iat": now, "exp": now + lifetime_seconds}
    signer = signing_key()
    return jwt.encode({"alg": "RS256", "kid": signer.kid}, {**rules, **claims}, signer.key, algorithms=["RS256"])


def verify(token: str) -> Claims:
    """Return the claims of a token. The caller has to check in the database whether its service key was revoked.

    Raises:
        TokenInvalid: it was not issued here, is for another audience, or has expired.
    """
    rules = jwt.JWTClaimsRegistry(
        now=lambda: int(time.time()),
        iss={"essential": True, "value": settings.LAUNCHPAD_URL},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
        role={"essential": True},
    )
    try:
        claims = _signed_claims(token, tuple(known.kid for known in accepted_keys()))
        rules.validate(claims)
    except (JoseError, ValueError) as error:
        raise TokenInvalid("The access token is not valid or has expired: ask for a new one.") from error
    groups = str(claims.get("groups", ""))
    return Claims(
        subject=str(claims.get("sub", "")),
        client_id=str(claims.get("client_id", "")),
        jti=str(claims.get("jti", "")),
        role=str(claims["role"]),
        groups=None if groups == ALL_GROUPS else frozenset(groups.split(",")) - {"", GROUPS_OF_GRANT},
        has_groups_of_grant=groups == GROUPS_OF_GRANT,
        grant=str(claims.get("grant", "")),
        is_for_inference=claims.get("scope") == INFERENCE,
        expires_at=int(claims["exp"]),
        is_probe=claims.get("launchpad_probe") is True,
    )


@lru_cache(maxsize=1000)
def _signed_claims(token: str, kids: tuple[str, ...]) -> dict[str, Any]:
    """Return the claims of a token signed with one of our keys; cached, since a verification takes 0.3 ms.

    Args:
        kids: ids of the accepted keys, part of the cache's key: a change of the keys invalidates the cache.
    """
    accepted = KeySet([known.key for known in accepted_keys() if known.kid in kids])
    return dict(jwt.decode(token, accepted, algorithms=["RS256"]).claims)


def scope_of(role: str) -> str:
    """Return the OAuth scope of a role."""
    return f"launchpad.{role}"


def ensure_key() -> None:
    """Create the first key when there is none."""
    accepted_keys()


def signing_key() -> SigningKey:
    """Return the key that signs now, created when there is none."""
    keys = accepted_keys()  # before `now`, because a key that it creates signs from its creation
    now = time.time()
    # After a start with a wrong clock all of them may be in the future: then the first one signs.
    return max((key for key in keys if key.since <= now), key=lambda key: key.since, default=keys[0])


def accepted_keys() -> list[SigningKey]:
    """Return every key whose signatures are accepted now or soon, oldest first."""
    path = _folder() / "keys.json"
    try:
        keys = _read(path)
    except _UNREADABLE:
        with locked(_folder() / "lock"):
            keys = _read_or_create(path)
    return [key for key in keys if key.until is None or key.until > time.time()]


def _read_or_create(path: Path) -> list[SigningKey]:
    """Return the keys; when they cannot be read, a new one, which invalidates all tokens issued before."""
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except _UNREADABLE as error:
        logger.error("The keys of the access tokens cannot be read; a new one is created: %s", error)
    _write_entries([_new_entry(since=time.time())])
    return _read(path)


def public_keys() -> Mapping[str, Path]:
    """Return key id -> PEM file of the public key, for every accepted key."""
    known = {key.kid: (_folder() / f"{key.kid}.pub.pem", key) for key in accepted_keys()}
    for path, key in known.values():
        write_if_changed(path, key.public_pem, mode=0o644)  # repaired here: HAProxy does not start with a damaged one
    return {kid: path for kid, (path, _) in known.items()}


def jwks() -> dict[str, Any]:
    """Return the public keys as a JSON Web Key Set."""
    return {
        "keys": [
            {**key.key.as_dict(private=False), "kid": key.kid, "use": "sig", "alg": "RS256"} for key in accepted_keys()
        ]
    }


def rotate(overlap: float = MAX_LIFETIME) -> str:
    """Create a key that signs from PUBLISH_LEAD_SECONDS from now on, and delete the ones not accepted any more.

    The gateway has to load it within that time; the sweep synchronises the gateway every two seconds.

    Args:
        overlap: seconds that the current key's signatures are accepted after the new one has begun to sign; at least
            the longest lifetime of a token, unless the current key was compromised.

    Returns:
        The new key's id.
    """
    accepted_keys()
    path = _folder() / "keys.json"
    with locked(_folder() / "lock"):
        entries = json.loads(path.read_text())["keys"]
        now = time.time()
        since = now + PUBLISH_LEAD_SECONDS if overlap else now
        for entry in entries:
            entry["until"] = min(entry["until"] or since + overlap, since + overlap)
        new = _new_entry(since=since)
        accepted = [entry for entry in entries if entry["until"] > now]
        _write_entries([*accepted, new])
        for entry in entries:
            if entry not in accepted:
                for name in (f"{entry['kid']}.pem", f"{entry['kid']}.pub.pem"):
                    (_folder() / name).unlink(missing_ok=True)
    return str(new["kid"])


def _new_entry(*, since: float) -> dict[str, Any]:
    key = RSAKey.generate_key(KEY_BITS, private=True)
    kid = key.thumbprint()
    write(_folder() / f"{kid}.pem", key.as_pem(private=True), mode=0o600)
    write(_folder() / f"{kid}.pub.pem", key.as_pem(private=False), mode=0o644)
    return {"kid": kid, "since": since, "until": None}


def _write_entries(entries: Collection[dict[str, Any]]) -> None:
    write(_folder() / "keys.json", json.dumps({"keys": list(entries)}, indent=2))


def _folder() -> Path:
    return Path(settings.LAUNCHPAD_HOME) / "tokens"


def _read(path: Path) -> list[SigningKey]:
    """Return the keys of the disk, read again only if they have changed: to parse one takes longer than to sign.

    Raises:
        FileNotFoundError: there are none. One of `_UNREADABLE`: they cannot be read.
    """
    return _KEYS.get(version_of(path), lambda: _load_all(path))


def _load_all(path: Path) -> list[SigningKey]:
    return [_load(path.parent, entry) for entry in json.loads(path.read_text())["keys"]]


def _load(folder: Path, entry: Mapping[str, Any]) -> SigningKey:
    kid = str(entry["kid"])
    key = RSAKey.import_key((folder / f"{kid}.pem").read_bytes(), {"kid": kid})
    public = key.as_pem(private=False).decode()
    return SigningKey(kid=kid, key=key, since=float(entry["since"]), until=entry["until"], public_pem=public)


_KEYS: CachedValue[list[SigningKey]] = CachedValue()
