"""Request and response bodies of the credentials of container registries, as the AI API specifies them."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from deployments.api.fields import REGISTRY_SECRET_PATTERN, Text
from deployments.api.schemas import Body


class DockerConfigData(Body):
    """The one value: a text in JSON, as Docker writes it into its `config.json`."""

    model_config = ConfigDict(extra="forbid")

    docker_config: Annotated[
        Text, Field(alias=".dockerconfigjson", description="JSON with the credentials of registries under auths.")
    ]


class DockerRegistrySecretPatch(Body):
    data: DockerConfigData


class DockerRegistrySecretPost(DockerRegistrySecretPatch):
    name: Annotated[str, StringConstraints(pattern=REGISTRY_SECRET_PATTERN, max_length=63)]


class DockerRegistrySecretBody(Body):
    name: str


class DockerRegistrySecretList(Body):
    count: int
    resources: list[DockerRegistrySecretBody]


class DockerRegistrySecretCreated(Body):
    message: str


class DockerRegistrySecretChanged(Body):
    id: str
    message: str
