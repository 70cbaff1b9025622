"""Authentication by an access token whose service key or account is still valid, and the caller's resource group."""

from __future__ import annotations

from typing import Annotated, cast

from django.http import HttpRequest
from ninja import Header
from ninja.security import HttpBearer

from deployments.api.errors import ApiError
from deployments.auth import tokens
from deployments.errors import TokenInvalid
from deployments.gateway.grants import actor_of as actor_of_token
from deployments.models import Actor, ResourceGroup

GroupHeader = Annotated[
    str,
    Header(
        alias="AI-Resource-Group", min_length=1, max_length=253, description="The resource group the request is about."
    ),
]

OptionalGroupHeader = Annotated[str, Header(alias="AI-Resource-Group", max_length=253)]


class ApiRequest(HttpRequest):
    """A request that came with a valid token."""

    actor: Actor


class AccessToken(HttpBearer):
    """`Authorization: Bearer` with a token from /oauth/token."""

    openapi_name = "Oauth2"

    def __call__(self, request: HttpRequest) -> Actor:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError(401, "Send an access token from /oauth/token in the header Authorization: Bearer.")
        return self.authenticate(request, token.strip())

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        claims = tokens.verify(token)
        actor = actor_of_token(claims)
        if actor is None or claims.is_probe:
            raise TokenInvalid("Nobody holds this access token any more: its key or account is gone. Use another one.")
        if claims.is_for_inference:
            raise ApiError(403, "This access token is for predictions alone. Programs get theirs with a service key.")
        cast(ApiRequest, request).actor = actor
        return actor


def group_of(request: HttpRequest, group_id: str) -> ResourceGroup:
    """Return a resource group of the caller.

    Raises:
        ApiError: 404, there is none with this id, or the caller may not see it.
    """
    actor = cast(ApiRequest, request).actor
    group = ResourceGroup.objects.order_by().filter(pk=group_id).first()
    if group is None or not actor.sees(group.pk):
        raise ApiError(404, f"There is no resource group {group_id} for you.")
    return group


def actor_of(request: HttpRequest) -> Actor:
    """Return the caller."""
    return cast(ApiRequest, request).actor
