"""Whom the AI API lets in, and what each of them may see and change."""

from __future__ import annotations

import pytest

from deployments.lifecycle import Status, TargetStatus
from deployments.models import Configuration, ResourceGroup, Role
from deployments.operations.service_keys import revoke_service_key
from tests import factories as make
from tests.api.caller import ADMINISTRATOR, Caller

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("authorization", ["", "Basic abc", "Bearer ", "Bearer nonsense", "Bearer a.b.c"])
def test_without_a_valid_token_nothing_is_answered(caller: Caller, authorization: str) -> None:
    answer = caller.ask("GET", "/lm/scenarios", headers={"Authorization": authorization})

    assert (answer.status, answer.error["code"]) == (401, "Unauthorized")


def test_a_revoked_key_is_refused_at_once(caller: Caller) -> None:
    assert caller.get("/lm/scenarios").status == 200

    revoke_service_key(ADMINISTRATOR, caller.key)

    assert caller.get("/lm/scenarios").status == 401


def test_the_resource_group_has_to_be_named_and_seen(caller: Caller) -> None:
    missing = caller.ask("GET", "/lm/scenarios", headers={"AI-Resource-Group": ""})
    unknown = caller.ask("GET", "/lm/scenarios", headers={"AI-Resource-Group": "nowhere"})

    assert missing.status == 400
    assert missing.error["details"][0]["target"] == "AI-Resource-Group"
    assert unknown.status == 404


def test_what_is_in_another_group_does_not_exist(configuration: Configuration) -> None:
    deployment = make.make_deployment(configuration)
    other = Caller(groups=[make.make_group("other")])

    for path in (
        f"/lm/deployments/{deployment.pk}",
        f"/lm/deployments/{deployment.pk}/logs",
        f"/lm/configurations/{configuration.pk}",
        "/admin/resourceGroups/default",
    ):
        assert other.get(path).status == 404, path
    assert other.get("/lm/deployments").body == {"count": 0, "resources": []}
    assert [one["resourceGroupId"] for one in other.get("/admin/resourceGroups").body["resources"]] == ["other"]
    assert other.ask("GET", "/lm/deployments", headers={"AI-Resource-Group": "default"}).status == 404


def test_a_viewer_sees_and_changes_nothing(configuration: Configuration) -> None:
    deployment = make.make_deployment(configuration, status=Status.RUNNING)
    viewer = Caller(Role.VIEWER)
    bound = {"name": "x", "executableId": configuration.executable_id, "scenarioId": configuration.scenario_id}

    assert viewer.get(f"/lm/deployments/{deployment.pk}").status == 200
    for method, path, body in (
        ("POST", "/lm/deployments", {"configurationId": str(configuration.pk)}),
        ("POST", "/lm/configurations", bound),
        ("PATCH", f"/lm/deployments/{deployment.pk}", {"targetStatus": "STOPPED"}),
        ("DELETE", f"/lm/deployments/{deployment.pk}", None),
        ("POST", "/admin/resourceGroups", {"resourceGroupId": "mine"}),
    ):
        assert viewer.ask(method, path, body).status == 403, path
    deployment.refresh_from_db()
    assert deployment.target_status == TargetStatus.RUNNING


def test_an_administrator_of_some_groups_makes_no_new_ones(group: ResourceGroup) -> None:
    limited = Caller(Role.ADMINISTRATOR, groups=[group])

    answer = limited.ask("POST", "/admin/resourceGroups", {"resourceGroupId": "another"})

    assert (answer.status, answer.error["code"]) == (403, "Forbidden")
    assert "all resource groups" in answer.error["message"]
    assert not ResourceGroup.objects.filter(pk="another").exists()
