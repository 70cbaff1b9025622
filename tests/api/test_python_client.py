"""The official Python client on a real installation, from the service-key file to a prediction and back to nothing."""

from __future__ import annotations

import base64
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import urllib3
from ai_api_client_sdk.exception import AIAPIInvalidRequestException, AIAPINotFoundException, AIAPIServerException
from ai_api_client_sdk.models.artifact import Artifact
from ai_api_client_sdk.models.base_models import BasicModifyRequest, Order
from ai_api_client_sdk.models.input_artifact_binding import InputArtifactBinding
from ai_api_client_sdk.models.label import Label
from ai_api_client_sdk.models.parameter_binding import ParameterBinding
from ai_api_client_sdk.models.status import Status
from ai_api_client_sdk.models.target_status import TargetStatus
from ai_core_sdk.ai_core_v2_client import AICoreV2Client

from tests.stack import Stack, running_stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack

SCENARIO = "custom-server"
PERSON = """\
from deployments.gateway.grants import issue_for_person
from deployments.models import Role, User
ada = User.objects.get_or_create(username="ada", role=Role.EDITOR)[0]
of_ada = {"role": Role.EDITOR, "group_id": "default", "lifetime_seconds": 600}
"""
ECHO = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: echo-server
  annotations:
    scenarios.ai.sap.com/name: Echo
    executables.ai.sap.com/name: Echo
    launchpad/requirements: launchpad-model-servers
  labels: {scenarios.ai.sap.com/id: echo, ai.sap.com/version: 1.0.0}
spec:
  inputs:
    artifacts: [{name: model}]
    parameters: [{name: greeting, type: string, default: hello}]
  template:
    metadata:
      labels: {ai.sap.com/resourcePlan: nano}
    spec:
      predictor:
        minReplicas: 1
        maxReplicas: 1
        containers:
          - name: server
            command: [python3, -m, launchpad_model_servers.hello_server]
            args: ["{{inputs.artifacts.model}}", "{{inputs.parameters.greeting}}"]
"""


@pytest.fixture(scope="module")
def models() -> Iterator[Path]:
    """A folder that artifacts may lie in."""
    with TemporaryDirectory(prefix="models-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def stack(models: Path) -> Iterator[Stack]:
    with running_stack(LAUNCHPAD_FILE_ROOTS=str(models)) as stack:
        yield stack


@pytest.fixture(scope="module")
def key(stack: Stack) -> dict[str, Any]:
    return stack.service_key()


@pytest.fixture(scope="module")
def client(key: dict[str, Any]) -> Any:
    """The client as its documentation makes it from a service key."""
    return AICoreV2Client(
        base_url=f"{key['serviceurls']['AI_API_URL']}/v2",
        auth_url=f"{key['url']}/oauth/token",
        client_id=key["clientid"],
        client_secret=key["clientsecret"],
        resource_group="default",
        num_request_retries=0,
    )


def test_a_deployment_goes_through_its_whole_life(
    stack: Stack, models: Path, key: dict[str, Any], client: Any
) -> None:
    (models / "echo.yaml").write_text(ECHO)
    (models / "model.txt").write_text("a model")
    stack.manage("import_template", str(models / "echo.yaml"))
    assert {one.id for one in client.scenario.query().resources} >= {"echo", SCENARIO}
    (executable,) = client.executable.query(scenario_id="echo").resources
    assert executable.deployable
    assert client.scenario.query_versions("echo").resources[0].id == "1.0.0"
    kind, url = Artifact.Kind.MODEL, (models / "model.txt").as_uri()
    artifact = client.artifact.create(name="Model", kind=kind, url=url, scenario_id="echo")
    assert client.artifact.query(search="mod", search_case_insensitive=True, top=1).count == 1
    assert client.artifact.query(search="mod").count == 0
    first, second = (_configuration(client, "echo", executable.id, artifact.id, word) for word in ("hello", "bye"))
    assert client.configuration.count(scenario_id="echo") == 2
    assert len(client.configuration.query(top=1, skip=1).resources) == 1

    made = client.deployment.create(configuration_id=first, ttl="2h")
    assert (made.deployment_url, client.deployment.get(made.id).deployment_url) == ("", "")
    _wait(client, made.id, Status.RUNNING)
    running = client.deployment.get(made.id)
    assert running.deployment_url.endswith(made.id)
    assert running.latest_running_configuration_id == first

    predicted = urllib3.request(
        "POST",
        f"{key['serviceurls']['AI_API_URL']}/v2/inference/deployments/{made.id}/predict",
        headers={"Authorization": client.rest_client.get_token(), "AI-Resource-Group": "default"},
        body=b"flowers",
    )
    assert predicted.json() == {"path": "/predict", "body": "flowers"}

    client.deployment.modify(made.id, configuration_id=second)
    wait_until(
        lambda: client.deployment.get(made.id).latest_running_configuration_id == second,
        timeout=60,
        what="the other configuration runs",
        pause=0.2,
    )
    assert client.deployment.query(status=Status.RUNNING, top=1).count == 1
    logged = client.deployment.query_logs(made.id, top=5, order=Order.DESC, start=running.created_at).data.result
    assert any("Listening on" in line.msg for line in logged)
    changed = client.deployment.bulk_modify([BasicModifyRequest(made.id, TargetStatus.STOPPED)])
    assert changed.deployments[0].message
    _wait(client, made.id, Status.STOPPED)
    assert [one.deployment_url for one in client.deployment.query().resources] == [""]
    client.deployment.delete(made.id)
    wait_until(lambda: client.deployment.count() == 0, timeout=60, what="nothing of it is left", pause=0.2)


def test_the_first_service_key_makes_secrets_and_resource_groups(client: Any) -> None:
    assert client.meta.get().ai_api.capabilities.user_deployments
    made = client.resource_groups.create("team-blue", labels=[Label("ext.ai.sap.com/team", "blue")])
    assert made.resource_group_id == "team-blue"
    assert {one.resource_group_id for one in client.resource_groups.query().resources} == {"default", "team-blue"}
    value = {"token": base64.b64encode(b"hidden").decode()}
    for where in ({"ai_tenant_scope": True}, {"ai_tenant_scope": False, "resource_group": "team-blue"}):
        client.secrets.create("reviews", value, **where)
        assert [one.name for one in client.secrets.query(**where).resources] == ["reviews"]
        client.secrets.delete("reviews", **where)
    registries, config = client.docker_registry_secrets, '{"auths": {"registry.example": {"auth": "dTpw"}}}'
    assert registries.create("registry", {".dockerconfigjson": config}).message == "Secret has been created"
    assert [one.name for one in registries.query(top=5).resources] == ["registry"]
    assert registries.get("registry").name == "registry"
    with pytest.raises(AIAPIInvalidRequestException, match="Name at least one registry"):
        registries.modify("registry", {".dockerconfigjson": '{"auths": {}}'})
    assert registries.modify("registry", {".dockerconfigjson": config}).id == "registry"
    assert registries.delete("registry").id == "registry"
    with pytest.raises(AIAPINotFoundException):
        registries.get("registry")
    client.resource_groups.delete("team-blue")


def test_the_tokens_of_somebody_who_is_deleted_end_with_the_next_sweep(stack: Stack, client: Any) -> None:
    (executable,) = client.executable.query(scenario_id=SCENARIO).resources
    configuration = client.configuration.create("for ada", SCENARIO, executable.id).id
    deployment = client.deployment.create(configuration_id=configuration).id
    _wait(client, deployment, Status.RUNNING)
    token = stack.manage("shell", "--no-imports", "-c", f"{PERSON}\nprint(issue_for_person(ada, **of_ada))").strip()
    url = f"{stack.base_url}/v2/inference/deployments/{deployment}/"
    headers = {"Authorization": f"Bearer {token}"}
    assert stack.http.request("GET", url, headers=headers).status == 200
    assert stack.http.request("GET", f"{stack.base_url}/v2/lm/meta", headers=headers).status == 403

    stack.manage("shell", "--no-imports", "-c", f"{PERSON}\nada.delete()\nUser.objects.create(username='ada')")

    refused = lambda: stack.http.request("GET", url, headers=headers).status == 401  # noqa: E731
    wait_until(refused, timeout=6, what="the token is refused", pause=0.1)  # 2 s, and what a loaded machine adds


def test_what_is_not_offered_and_not_there_are_told_apart(client: Any) -> None:
    with pytest.raises(AIAPIServerException) as absent:
        client.deployment.get("d000000000000000")
    with pytest.raises(AIAPIServerException) as offered:
        client.object_store_secrets.query()
    assert (absent.value.status_code, offered.value.status_code) == (404, 501)
    assert "no deployment" in absent.value.error_message
    assert offered.value.request_id


def test_while_somebody_else_writes_for_long_a_change_is_told_to_come_again(stack: Stack, client: Any) -> None:
    token = client.rest_client.get_token()
    headers = {"Authorization": token, "AI-Resource-Group": "default"}
    body = {"name": "busy", "kind": "model", "url": "https://x.example", "scenarioId": SCENARIO}
    person = stack.sign_in()
    with closing(sqlite3.connect(stack.home / "launchpad.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        refused = stack.http.request("POST", f"{stack.base_url}/v2/lm/artifacts", headers=headers, json=body)
        took = time.monotonic() - began
        page = stack.http.request("POST", f"{stack.base_url}/appearance/", headers=person, fields={"theme": "dark"})
        read = stack.http.request("GET", f"{stack.base_url}/v2/lm/artifacts", headers=headers)
        other.execute("ROLLBACK")

    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    assert "try again" in refused.json()["error"]["message"]
    assert 4 < took < 8
    assert (page.status, b"try again" in page.data) == (503, True)
    assert read.status == 200
    again = stack.http.request("POST", f"{stack.base_url}/v2/lm/artifacts", headers=headers, json=body)
    assert again.status == 201


def _configuration(client: Any, scenario: str, executable: str, artifact: str, greeting: str) -> str:
    return str(
        client.configuration.create(
            name=greeting,
            scenario_id=scenario,
            executable_id=executable,
            parameter_bindings=[ParameterBinding("greeting", greeting)],
            input_artifact_bindings=[InputArtifactBinding("model", artifact)],
        ).id
    )


def _wait(client: Any, deployment_id: str, status: Status) -> None:
    def told() -> Any:
        return client.deployment.get(deployment_id, select="status")

    wait_until(lambda: told().status is status, timeout=60, what=f"it is {status.value}", pause=0.2)
