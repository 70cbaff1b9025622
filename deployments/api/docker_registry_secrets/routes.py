"""Endpoints of the credentials of container registries. They can be written, never read.

The specification names no header for a resource group here. A request with AI-Resource-Group, which clients send with
each request once they have been given a group, is about the secrets of that group; one without is about those for all
groups, and needs an administrator of all of them.
"""

from __future__ import annotations

from typing import Annotated

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Path, Router

from deployments.api.auth import OptionalGroupHeader, actor_of, group_of
from deployments.api.common import FAILURES, answer, link, links
from deployments.api.docker_registry_secrets import schemas
from deployments.api.errors import ApiError
from deployments.api.fields import REGISTRY_SECRET_PATTERN
from deployments.api.filters import OptionalTop, Skip
from deployments.models import DOCKER_CONFIG_KEY, ResourceGroup, Secret
from deployments.operations import secrets as operations
from deployments.queries.secrets import registry_secrets_of

router = Router(tags=["Docker Registry Secret"], by_alias=True)
SecretName = Annotated[str, Path(pattern=REGISTRY_SECRET_PATTERN, max_length=63)]
_SECRET = link(dockerRegistryName="$request.body#/name")
LINKS = links(202, registry_secret=_SECRET, registry_secret_replace=_SECRET, registry_secret_delete=_SECRET)


@router.get("/dockerRegistrySecrets", response={200: schemas.DockerRegistrySecretList, **FAILURES})
def registry_secret_list(
    request: HttpRequest, group: OptionalGroupHeader = "", top: OptionalTop = None, skip: Skip = 0
) -> HttpResponse:
    secrets = _secrets(request, group)
    page = secrets[skip:] if top is None else secrets[skip : skip + top]
    resources = [schemas.DockerRegistrySecretBody(name=secret.name) for secret in page]
    return answer(schemas.DockerRegistrySecretList(count=secrets.count(), resources=resources))


@router.post(
    "/dockerRegistrySecrets",
    response={202: schemas.DockerRegistrySecretCreated, **FAILURES},
    openapi_extra=LINKS,
)
def registry_secret_create(
    request: HttpRequest, body: schemas.DockerRegistrySecretPost, group: OptionalGroupHeader = ""
) -> HttpResponse:
    operations.create_secret(
        actor_of(request), _group(request, group), name=body.name, values=_values(body.data), labels={}
    )
    return answer(schemas.DockerRegistrySecretCreated(message="Secret has been created"), 202)


@router.get(
    "/dockerRegistrySecrets/{dockerRegistryName}", response={200: schemas.DockerRegistrySecretBody, **FAILURES}
)
def registry_secret(
    request: HttpRequest,
    dockerRegistryName: SecretName,  # noqa: N803
    group: OptionalGroupHeader = "",
) -> HttpResponse:
    secret = _secret(request, dockerRegistryName, group)
    return answer(schemas.DockerRegistrySecretBody(name=secret.name))


@router.patch(
    "/dockerRegistrySecrets/{dockerRegistryName}", response={202: schemas.DockerRegistrySecretChanged, **FAILURES}
)
def registry_secret_replace(
    request: HttpRequest,
    dockerRegistryName: SecretName,  # noqa: N803
    body: schemas.DockerRegistrySecretPatch,
    group: OptionalGroupHeader = "",
) -> HttpResponse:
    secret = _secret(request, dockerRegistryName, group)
    operations.replace_secret(actor_of(request), secret, _values(body.data))
    return answer(schemas.DockerRegistrySecretChanged(id=secret.name, message="Secret has been modified"), 202)


@router.delete(
    "/dockerRegistrySecrets/{dockerRegistryName}", response={202: schemas.DockerRegistrySecretChanged, **FAILURES}
)
def registry_secret_delete(
    request: HttpRequest,
    dockerRegistryName: SecretName,  # noqa: N803
    group: OptionalGroupHeader = "",
) -> HttpResponse:
    secret = _secret(request, dockerRegistryName, group)
    operations.delete_secret(actor_of(request), secret)
    message = "Docker Registry Secret has been deleted"
    return answer(schemas.DockerRegistrySecretChanged(id=dockerRegistryName, message=message), 202)


def _values(data: schemas.DockerConfigData) -> dict[str, str]:
    return {DOCKER_CONFIG_KEY: data.docker_config}


def _group(request: HttpRequest, group: str) -> ResourceGroup | None:
    """Return the resource group in the header, None for all of them."""
    return group_of(request, group) if group else None


def _secrets(request: HttpRequest, group: str) -> QuerySet[Secret]:
    return registry_secrets_of(actor_of(request), _group(request, group))


def _secret(request: HttpRequest, name: str, group: str) -> Secret:
    secret = _secrets(request, group).filter(name=name).first()
    if secret is None:
        raise ApiError(404, f"There is no Docker registry secret {name} here.")
    return secret
