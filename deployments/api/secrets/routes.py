"""Endpoints of secrets for model servers. Their values can be written, never read."""

from __future__ import annotations

from typing import Annotated

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Header, Path, Router

from deployments.api.auth import OptionalGroupHeader, actor_of, group_of
from deployments.api.common import FAILURES, answer, labels_of, link, links
from deployments.api.errors import ApiError
from deployments.api.fields import SECRET_PATTERN
from deployments.api.filters import OptionalTop, Skip
from deployments.api.secrets import schemas
from deployments.models import ResourceGroup, Secret
from deployments.operations import secrets as operations
from deployments.queries.secrets import secrets_of

router = Router(tags=["Secret"], by_alias=True)
SecretName = Annotated[str, Path(pattern=SECRET_PATTERN, max_length=252)]
TenantScope = Annotated[bool, Header(alias="AI-Tenant-Scope", description="Secrets for all resource groups.")]
_SECRET = link(secretName="$response.body#/name")
LINKS = links(200, secret=_SECRET, secret_replace=_SECRET, secret_delete=_SECRET)


@router.get("/secrets", response={200: schemas.SecretList, **FAILURES})
def secret_list(
    request: HttpRequest,
    group: OptionalGroupHeader = "",
    scope: TenantScope = False,
    top: OptionalTop = None,
    skip: Skip = 0,
) -> HttpResponse:
    secrets = _secrets(request, group, scope=scope)
    page = secrets[skip:] if top is None else secrets[skip : skip + top]
    return answer(schemas.SecretList(count=secrets.count(), resources=[_body(secret) for secret in page]))


@router.post("/secrets", response={200: schemas.SecretChanged, **FAILURES}, openapi_extra=LINKS)
def secret_create(
    request: HttpRequest, body: schemas.SecretPost, group: OptionalGroupHeader = "", scope: TenantScope = False
) -> HttpResponse:
    labels = {label.key: label.value for label in body.labels}
    resource_group = _group(request, group, scope=scope)
    secret = operations.create_secret(
        actor_of(request), resource_group, name=body.name, values=body.data, labels=labels
    )
    return answer(schemas.SecretChanged(name=secret.name, message="secret has been created"))


@router.get("/secrets/{secretName}", response={200: schemas.SecretBody, **FAILURES})
def secret(
    request: HttpRequest,
    secretName: SecretName,  # noqa: N803
    group: OptionalGroupHeader = "",
    scope: TenantScope = False,
) -> HttpResponse:
    return answer(_body(_secret(request, secretName, group, scope=scope)))


@router.patch("/secrets/{secretName}", response={200: schemas.SecretChanged, **FAILURES})
def secret_replace(
    request: HttpRequest,
    secretName: SecretName,  # noqa: N803
    body: schemas.SecretPatch,
    group: OptionalGroupHeader = "",
    scope: TenantScope = False,
) -> HttpResponse:
    secret = _secret(request, secretName, group, scope=scope)
    labels = None if body.labels is None else {label.key: label.value for label in body.labels}
    operations.replace_secret(actor_of(request), secret, body.data, labels=labels)
    return answer(schemas.SecretChanged(name=secretName, message="The secret has been modified"))


@router.delete("/secrets/{secretName}", response={200: schemas.SecretChanged, **FAILURES})
def secret_delete(
    request: HttpRequest,
    secretName: SecretName,  # noqa: N803
    group: OptionalGroupHeader = "",
    scope: TenantScope = False,
) -> HttpResponse:
    operations.delete_secret(actor_of(request), _secret(request, secretName, group, scope=scope))
    return answer(schemas.SecretChanged(name=secretName, message="The secret has been removed"))


def _group(request: HttpRequest, group: str, *, scope: bool) -> ResourceGroup | None:
    """Return the resource group in the headers, None for all of them."""
    if scope:
        return None
    if not group:
        raise ApiError(400, "Name a resource group in AI-Resource-Group, or send AI-Tenant-Scope: true.")
    return group_of(request, group)


def _secrets(request: HttpRequest, group: str, *, scope: bool) -> QuerySet[Secret]:
    return secrets_of(actor_of(request), _group(request, group, scope=scope))


def _secret(request: HttpRequest, name: str, group: str, *, scope: bool) -> Secret:
    secret = _secrets(request, group, scope=scope).filter(name=name).first()
    if secret is None:
        raise ApiError(404, f"There is no secret {name} here.")
    return secret


def _body(secret: Secret) -> schemas.SecretBody:
    return schemas.SecretBody(name=secret.name, created_at=secret.created_at, labels=labels_of(secret.labels))
