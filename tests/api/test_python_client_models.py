"""Every answer of the AI API, held against what the models of the official Python client demand and refuse."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime
from enum import Enum
from importlib import import_module
from typing import Any, get_args, get_type_hints

import humps
import pytest
from ai_api_client_sdk.helpers.datetime_parser import parse_datetime
from django.test import Client

from deployments.lifecycle import Status
from deployments.models import Attempt, Deployment, Role, Secret
from tests import factories as make
from tests.api.caller import Caller

pytestmark = pytest.mark.django_db

BULK = "deployment_bulk_modify_response.DeploymentBulkModifyResponse"
# Our operation -> the client's model of its answer, in ai_api_client_sdk.models or ai_core_sdk.models.
MODELS = {
    "scenario_list": "scenario_query_response.ScenarioQueryResponse",
    "scenario": "scenario.Scenario",
    "executable_list": "executable_query_response.ExecutableQueryResponse",
    "executable": "executable.Executable",
    "version_list": "version_query_response.VersionQueryResponse",
    "model_list": "model_query_response.ModelQueryResponse",
    "artifact_list": "artifact_query_response.ArtifactQueryResponse",
    "artifact": "artifact.Artifact",
    "artifact_create": "artifact_create_response.ArtifactCreateResponse",
    "configuration_list": "configuration_query_response.ConfigurationQueryResponse",
    "configuration": "configuration.Configuration",
    "configuration_create": "configuration_create_response.ConfigurationCreateResponse",
    "deployment_list": "deployment_query_response.DeploymentQueryResponse",
    "deployment": "deployment.Deployment",
    "deployment_create": "deployment_create_response.DeploymentCreateResponse",
    "deployment_change": "base_models.BasicResponse",
    "deployment_delete": "base_models.BasicResponse",
    "deployment_bulk": BULK,
    "deployment_logs": "log_response.LogResponse",
    "meta": "capabilities.Capabilities",
    "group_list": "resource_group_query_response.ResourceGroupQueryResponse",
    "group": "resource_group.ResourceGroup",
    "group_create": "resource_group.ResourceGroup",
    "group_delete": "base_models.BasicResponse",
    "secret_list": "core:secret_query_response.SecretQueryResponse",
    "secret_create": "core:base_models.Message",
    "secret_replace": "core:base_models.Message",
    "secret_delete": "core:base_models.Message",
    "registry_secret_list": "core:docker_registry_secret_query_response.DockerRegistrySecretQueryResponse",
    "registry_secret": "core:docker_registry_secret.DockerRegistrySecret",
    "registry_secret_create": "core:base_models.Message",
    "registry_secret_replace": "base_models.BasicResponse",
    "registry_secret_delete": "base_models.BasicResponse",
}
# The client reads no body here.
WITHOUT_MODEL = {
    *("artifact_count", "configuration_count", "deployment_count"),
    *("group_change", "secret", "deployment_quota", "executable_quota"),
}
DOCKER_CONFIG = {".dockerconfigjson": '{"auths": {"registry.example": {"username": "u", "password": "p"}}}'}
LABEL = {"key": "ext.ai.sap.com/stage", "value": "trained"}
Asked = tuple[str, str, str, object]  # operation, method, path, body


@pytest.mark.parametrize("status", list(Status))
def test_the_client_reads_every_answer_that_there_is(status: Status) -> None:
    asked: set[str] = set()
    faults: list[str] = []
    for name, method, path, body in requests_about(deployment_in(status)):
        kind = "application/merge-patch+json" if name == "deployment_bulk" else "application/json"
        answer = Caller(Role.ADMINISTRATOR).ask(method, path, body, content_type=kind)
        model = model_of(MODELS[name] if answer.status < 400 else "base_models.BasicErrorResponse")
        body = humps.decamelize(answer.body if answer.status < 400 else answer.error)
        found = list(faults_of(model, body, f"{method} {path}"))
        faults += found
        if not found:
            model.from_dict(deepcopy(body))
        asked.add(name)
    assert faults == []
    assert asked == MODELS.keys()


def test_the_client_reads_the_status_alone_and_refuses_anything_else() -> None:
    deployment = deployment_in(Status.STOPPED)
    body = Caller().get(f"/lm/deployments/{deployment.pk}", __select="status").body
    model = model_of("deployment_get_status_response.DeploymentGetStatusResponse")

    assert list(faults_of(model, humps.decamelize(body), "status")) == []
    read = model.from_dict(humps.decamelize(body))
    assert (read.id, read.status.value, read.details["scaling"]["backend_details"]["running_replicas"]) == (
        deployment.pk,
        "STOPPED",
        1,
    )
    assert list(faults_of(model, {**humps.decamelize(body), "ttl": "1h"}, "status")) == ["status has ttl"]


def test_there_is_a_model_for_every_operation_or_a_reason_why_not() -> None:
    document = Client().get("/v2/openapi.json").json()
    offered = {operation["operationId"] for item in document["paths"].values() for operation in item.values()}
    assert offered == MODELS.keys() | WITHOUT_MODEL


def deployment_in(status: Status) -> Deployment:
    """Return a deployment with as much and as little as there is in a status."""
    scenario = make.make_scenario(labels={LABEL["key"]: LABEL["value"]})
    artifact = make.make_artifact(labels={LABEL["key"]: LABEL["value"]}, scenario=scenario)
    configuration = make.make_configuration(inputs={"model": str(artifact.pk)})
    deployment = make.make_deployment(configuration, status=status)
    make.make_deployment(configuration, status=Status.STOPPED, ttl="10m")
    replica = make.make_replica(make.make_generation(deployment))
    Attempt.objects.create(replica=replica, number=0, started_at=deployment.created_at)
    make.make_event(deployment)
    Secret.objects.create(resource_group=deployment.resource_group, name="reviews", encrypted="", keys=["token"])
    return deployment


def requests_about(deployment: Deployment) -> list[Asked]:
    configuration = deployment.configuration
    scenario, executable = configuration.scenario_id, configuration.executable_id
    one = f"/lm/deployments/{deployment.pk}"
    items = [{"id": pk, "targetStatus": "STOPPED"} for pk in (deployment.pk, "d000000000000000")]
    bound = {"name": "x", "executableId": executable, "scenarioId": scenario}
    values = [{"key": "topic", "value": "flowers"}]
    model = next(iter(configuration.inputs.values()))
    inputs = [{"key": "model", "artifactId": model}]
    artifact = {"name": "x", "kind": "model", "url": "https://x.example", "scenarioId": scenario, "labels": [LABEL]}
    found: list[Asked] = [
        ("scenario_list", "GET", "/lm/scenarios", None),
        ("scenario", "GET", f"/lm/scenarios/{scenario}", None),
        ("executable_list", "GET", f"/lm/scenarios/{scenario}/executables", None),
        ("executable", "GET", f"/lm/scenarios/{scenario}/executables/{executable}", None),
        ("version_list", "GET", f"/lm/scenarios/{scenario}/versions", None),
        ("model_list", "GET", f"/lm/scenarios/{scenario}/models", None),
        ("artifact_list", "GET", "/lm/artifacts?$expand=scenario", None),
        ("artifact", "GET", f"/lm/artifacts/{model}", None),
        ("artifact_create", "POST", "/lm/artifacts", artifact),
        ("configuration_list", "GET", "/lm/configurations?$expand=scenario", None),
        ("configuration", "GET", f"/lm/configurations/{configuration.pk}", None),
        (
            "configuration_create",
            "POST",
            "/lm/configurations",
            {**bound, "parameterBindings": values, "inputArtifactBindings": inputs},
        ),
        ("configuration_create", "POST", "/lm/configurations", bound),  # is refused, with details
        ("deployment_list", "GET", "/lm/deployments", None),
        ("deployment", "GET", one, None),
        ("deployment_create", "POST", "/lm/deployments", {"configurationId": str(configuration.pk)}),
        ("deployment_create", "POST", "/lm/deployments", {"configurationId": str(configuration.pk), "ttl": "12h"}),
        ("deployment_bulk", "PATCH", "/lm/deployments", {"deployments": items}),
        ("deployment_change", "PATCH", one, {"targetStatus": "STOPPED"}),
        ("deployment_delete", "DELETE", one, None),
        ("deployment_logs", "GET", f"{one}/logs?order=desc&top=10", None),
        ("meta", "GET", "/lm/meta", None),
        ("group_create", "POST", "/admin/resourceGroups", {"resourceGroupId": "team.blue", "labels": [LABEL]}),
        ("group_list", "GET", "/admin/resourceGroups", None),
        ("group", "GET", "/admin/resourceGroups/team.blue", None),
        ("group_delete", "DELETE", "/admin/resourceGroups/team.blue", None),
        ("secret_create", "POST", "/admin/secrets", {"name": "new", "data": {"token": "eA=="}}),
        ("secret_list", "GET", "/admin/secrets", None),
        ("secret_replace", "PATCH", "/admin/secrets/new", {"data": {"token": "eA=="}}),
        ("secret_delete", "DELETE", "/admin/secrets/new", None),
        (
            "registry_secret_create",
            "POST",
            "/admin/dockerRegistrySecrets",
            {"name": "registry", "data": DOCKER_CONFIG},
        ),
        ("registry_secret_list", "GET", "/admin/dockerRegistrySecrets", None),
        ("registry_secret", "GET", "/admin/dockerRegistrySecrets/registry", None),
        ("registry_secret_replace", "PATCH", "/admin/dockerRegistrySecrets/registry", {"data": DOCKER_CONFIG}),
        ("registry_secret_replace", "PATCH", "/admin/dockerRegistrySecrets/registry", {"data": {}}),  # is refused
        ("registry_secret_delete", "DELETE", "/admin/dockerRegistrySecrets/registry", None),
        ("scenario", "GET", "/lm/scenarios/nowhere", None),
        ("meta", "PUT", "/lm/meta", None),
        ("meta", "GET", "/lm/executions", None),
    ]
    return found


def model_of(name: str) -> Any:
    package, _, path = name.rpartition(":")
    module, _, word = path.partition(".")
    return getattr(import_module(f"{'ai_core_sdk' if package else 'ai_api_client_sdk'}.models.{module}"), word)


def faults_of(model: Any, body: Any, place: str) -> Iterator[str]:
    """Yield what the constructor of a model demands and a body lacks, or has and it does not take; also inside."""
    if not isinstance(body, dict):
        yield f"{place} is {body!r}"
        return
    parameters = list(inspect.signature(model.__init__).parameters.values())[1:]
    named = {one.name: one for one in parameters if one.kind not in {one.VAR_KEYWORD, one.VAR_POSITIONAL}}
    for name, one in named.items():
        if one.default is one.empty and body.get(name) is None:
            yield f"{place} lacks {name}"
    if not any(one.kind is one.VAR_KEYWORD for one in parameters):
        yield from (f"{place} has {name}" for name in body.keys() - named.keys())
    hints = get_type_hints(model.__init__)
    for name in body.keys() & named.keys():
        yield from _faults_of_value(hints.get(name), body[name], f"{place}.{name}")


def _faults_of_value(hint: Any, value: Any, place: str) -> Iterator[str]:
    options = get_args(hint)
    if isinstance(value, list):
        for one in value:
            yield from _faults_of_value(options[0] if options else None, one, place)
    elif len(options) == 2 and isinstance(value, dict) and all(isinstance(one, type) for one in options):
        if all(one.__module__.startswith("ai_") for one in options):  # an answer, or an error in its place
            yield from faults_of(options["error" in value], value, place)
    elif hint is datetime:
        parse_datetime(value)
    elif isinstance(hint, type) and issubclass(hint, Enum):
        hint(value)
    elif isinstance(hint, type) and hint.__module__.startswith("ai_"):
        yield from faults_of(hint, value, place)
