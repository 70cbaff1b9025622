"""One table of all operations of the AI API: which role they need, and that nothing of another group is there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from deployments.models import DOCKER_CONFIG_KEY, ResourceGroup, Role, Secret
from tests import factories as make
from tests.api.caller import Caller

pytestmark = pytest.mark.django_db

VIEWER, EDITOR, LOCAL, EVERYWHERE = "viewer", "editor", "administrator of a group", "administrator"
RANK = (VIEWER, EDITOR, LOCAL, EVERYWHERE)
DOCKER_CONFIG = {DOCKER_CONFIG_KEY: '{"auths": {"registry.example": {"username": "u", "password": "p"}}}'}
# What needs more than VIEWER, with a body that is understood, so that the role alone decides.
CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "artifact_create": (EDITOR, {"name": "x", "kind": "model", "url": "https://x.example", "scenarioId": "talking"}),
    "configuration_create": (EDITOR, {"name": "x", "executableId": "talker", "scenarioId": "talking"}),
    "deployment_create": (EDITOR, {}),
    "deployment_bulk": (EDITOR, {"deployments": [{"id": "d0123456789abcde", "targetStatus": "STOPPED"}]}),
    "deployment_change": (EDITOR, {"targetStatus": "STOPPED"}),
    "deployment_delete": (EDITOR, {}),
    "group_create": (EVERYWHERE, {"resourceGroupId": "team.blue"}),
    "group_change": (LOCAL, {"labels": []}),
    "group_delete": (LOCAL, {}),
    "secret_list": (LOCAL, {}),
    "secret": (LOCAL, {}),
    "secret_create": (LOCAL, {"name": "new", "data": {"token": "eA=="}}),
    "secret_replace": (LOCAL, {"data": {"token": "eA=="}}),
    "secret_delete": (LOCAL, {}),
    "registry_secret_list": (LOCAL, {}),
    "registry_secret": (LOCAL, {}),
    "registry_secret_create": (LOCAL, {"name": "new-registry", "data": DOCKER_CONFIG}),
    "registry_secret_replace": (LOCAL, {"data": DOCKER_CONFIG}),
    "registry_secret_delete": (LOCAL, {}),
}
SHARED = {"meta", "group_list", "group_create", "deployment_quota", "executable_quota"}  # name no resource group


@pytest.fixture
def known() -> dict[str, str]:
    """One thing of everything in the group `default`: parameter of a path -> id."""
    deployment = make.make_deployment()
    configuration = deployment.configuration
    Secret.objects.create(resource_group=deployment.resource_group, name="reviews", encrypted="", keys=["token"])
    Secret.objects.create(
        resource_group=deployment.resource_group, name="registry", encrypted="", keys=[DOCKER_CONFIG_KEY]
    )
    return {
        "scenarioId": configuration.scenario_id,
        "executableId": configuration.executable_id,
        "artifactId": next(iter(configuration.inputs.values())),
        "configurationId": str(configuration.pk),
        "deploymentId": deployment.pk,
        "resourceGroupId": "default",
        "secretName": "reviews",
        "dockerRegistryName": "registry",
    }


def operations(known: dict[str, str]) -> list[tuple[str, str, str, Any]]:
    """Return name, method, path and body of every operation of our document."""
    found = []
    for path, item in Client().get("/v2/openapi.json").json()["paths"].items():
        for method, operation in item.items():
            name = operation["operationId"]
            body = dict(CHANGES.get(name, ("", {}))[1])
            if name == "deployment_create":
                body["configurationId"] = known["configurationId"]
            found.append((name, method.upper(), path.removeprefix("/v2").format(**known), body or None))
    return found


def caller_of(role: str, group: ResourceGroup) -> Caller:
    kind = Role.ADMINISTRATOR if role in {LOCAL, EVERYWHERE} else Role(role)
    return Caller(kind, [group] if role == LOCAL else None)


def ask(caller: Caller, name: str, method: str, path: str, body: Any) -> int:
    kind = "application/merge-patch+json" if name == "deployment_bulk" else "application/json"
    return caller.ask(method, path, body, content_type=kind).status


def test_the_table_names_operations_that_there_are(known: dict[str, str]) -> None:
    there = operations(known)
    assert CHANGES.keys() | SHARED <= {name for name, *_ in there}
    assert {name for name, method, *_ in there if method != "GET"} <= CHANGES.keys()


@pytest.mark.parametrize("role", RANK)
def test_each_role_gets_what_the_table_says(known: dict[str, str], role: str) -> None:
    wrong = []
    caller = caller_of(role, make.make_group())
    for name, method, path, body in operations(known):
        status = ask(caller, name, method, path, body)
        may = RANK.index(role) >= RANK.index(CHANGES.get(name, (VIEWER,))[0])
        if (status == 403) is may or status >= 500:
            wrong.append(f"{name} ({method} {path}): {status}")
    assert not wrong, wrong


def test_in_another_group_nothing_of_this_one_is_there(known: dict[str, str]) -> None:
    caller = caller_of(LOCAL, make.make_group("other"))
    wrong = []
    for name, method, path, body in operations(known):
        if name in SHARED or ("{" not in path and not any(value in path for value in known.values())):
            continue
        status = ask(caller, name, method, path, body)
        if status != 404 and "/scenarios/" not in path:  # scenarios are for all groups
            wrong.append(f"{name} ({method} {path}): {status}")
    assert not wrong, wrong
