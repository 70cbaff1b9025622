"""Access tokens for programs: `POST /oauth/token` with a service key, and the public keys at `GET /oauth/jwks`.

Authlib implements the protocol. This module defines clients (service keys) and issues tokens (`auth/tokens.py`);
tokens are verified by their signature, so they are not stored.
"""

from __future__ import annotations

import logging
import os
import secrets
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from authlib.integrations.django_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc6749.errors import InvalidClientError
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from deployments.api.token_rate import seconds_to_wait
from deployments.auth import tokens
from deployments.gateway import grants as token_grants
from deployments.models import ServiceKey
from deployments.operations.audit import record

WRONG_CLIENT = (
    "No usable service key has this client id and secret. Check both; the key may have been revoked or have expired."
)
TOO_MANY = "Too many tokens were requested. Use the one you have until it expires, and try again in %s s."
LAST_USED_PRECISION = timedelta(minutes=1)
JWKS_SECONDS = 30  # as long as a new key is published before it signs (PUBLISH_LEAD_SECONDS)

# SECURE_SSL_REDIRECT (from LAUNCHPAD_URL) decides whether https is required, for tokens as for the pages.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
logging.getLogger("authlib").setLevel(logging.INFO)  # at DEBUG it would log whole tokens


class Client(ClientMixin):  # type: ignore[misc]  # Authlib has no types
    """A service key with the interface of Authlib's clients."""

    def __init__(self, key: ServiceKey) -> None:
        self.key = key

    def get_client_id(self) -> str:
        return self.key.client_id

    def get_allowed_scope(self, scope: str) -> str:
        return tokens.scope_of(self.key.role)

    def check_client_secret(self, client_secret: str) -> bool:
        return self.key.has_secret(client_secret) and self.key.is_usable

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in ClientCredentials.TOKEN_ENDPOINT_AUTH_METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return bool(grant_type == ClientCredentials.GRANT_TYPE)


class ClientCredentials(grants.ClientCredentialsGrant):  # type: ignore[misc]
    """The only supported grant."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")


class TokenServer(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server with service keys as clients, and tokens that are not stored."""

    def query_client(self, client_id: str) -> Client | None:
        if "\x00" in client_id:  # PostgreSQL refuses NUL in a query
            return None
        key = ServiceKey.objects.filter(client_id=client_id).first()
        return Client(key) if key else None

    def save_token(self, token: dict[str, Any], request: object) -> None:
        """Do nothing: tokens are verified with the public key."""

    def handle_error_response(self, request: object, error: OAuth2Error) -> HttpResponse:
        """Answer every failed authentication alike, so that client ids cannot be guessed."""
        if isinstance(error, InvalidClientError):
            error = _wrong_client()
        response: HttpResponse = super().handle_error_response(request, error)
        return response


def issue_token(grant_type: str, client: Client, **_: object) -> dict[str, Any]:
    """Return the answer for an authenticated client. No token outlives its service key."""
    key = client.key
    lifetime = tokens.MAX_LIFETIME
    if key.expires_at is not None:
        lifetime = max(1, min(lifetime, int((key.expires_at - timezone.now()).total_seconds())))
    _record_use(key)
    jti = secrets.token_hex(16)
    return {
        "access_token": token_grants.issue_for_key(key, lifetime_seconds=lifetime, jti=jti),
        "token_type": "bearer",
        "expires_in": lifetime,
        "scope": tokens.scope_of(key.role),
        "jti": jti,
    }


def _record_use(key: ServiceKey) -> None:
    """Record when a key was last used, to the minute: administrators see which keys are not needed any more."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at >= LAST_USED_PRECISION:
        ServiceKey.objects.filter(pk=key.pk).update(last_used_at=now)


_SERVER = TokenServer(ServiceKey, None)
_SERVER.register_grant(ClientCredentials)
_SERVER.register_token_generator("default", issue_token)


@csrf_exempt
@require_POST
@never_cache
def token(request: HttpRequest) -> HttpResponse:
    """Exchange client id and secret (form fields or HTTP Basic) for an access token."""
    if seconds := seconds_to_wait(request):
        body = {"error": "too_many_requests", "error_description": TOO_MANY % seconds}
        return JsonResponse(body, status=429, headers={"Retry-After": str(seconds)})
    try:
        response: HttpResponse = _SERVER.create_token_response(request)
    except UnicodeDecodeError:  # the credentials of HTTP Basic are not valid text
        response = _SERVER.handle_error_response(request, _wrong_client())
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        record(_client_id(request), "token refused", "servicekey")
    return response


@require_safe
@cache_control(public=True, max_age=JWKS_SECONDS)
def jwks(request: HttpRequest) -> HttpResponse:
    """Return the public keys that tokens are verified with."""
    return JsonResponse(tokens.jwks())


def _client_id(request: HttpRequest) -> str:
    """Return the client id that a program has sent, for the audit log."""
    try:
        client_id, _ = extract_basic_authorization(request.headers)
    except UnicodeDecodeError:
        client_id = ""
    return str(client_id or request.POST.get("client_id", "")).replace("\0", "")


def _wrong_client() -> InvalidClientError:
    return InvalidClientError(status_code=401, description=WRONG_CLIENT)
