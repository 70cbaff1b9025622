"""The AI API: what it answers, whom it lets in, and how it says no."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deployments import reasons
from deployments.lifecycle import Status, TargetStatus
from deployments.messages import Message
from deployments.models import Attempt, Configuration, Deployment, ResourceGroup, ResourcePlan, Role, columns_of
from tests import factories as make
from tests.api.caller import Caller

pytestmark = pytest.mark.django_db

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def test_scenarios_and_executables_are_told_whole(caller: Caller) -> None:
    executable = make.make_executable()

    scenarios = caller.get("/lm/scenarios").body
    (told,) = caller.get("/lm/scenarios/talking/executables").body["resources"]

    assert scenarios["count"] == 1
    assert TIME.match(scenarios["resources"][0]["createdAt"])
    assert told == caller.get(f"/lm/scenarios/talking/executables/{executable.pk}").body
    assert (told["versionId"], told["deployable"]) == ("1.2.0", True)
    assert told["parameters"][0]["default"] == "hello"
    assert told["inputArtifacts"][0] == {
        "name": "model",
        "kind": "model",
        "description": "The model that is served.",
        "labels": [],
    }
    assert caller.get("/lm/scenarios/talking/versions").body["resources"][0]["id"] == "1.2.0"
    assert caller.get("/lm/scenarios/talking/models").body == {"count": 0, "resources": []}
    assert caller.get("/lm/scenarios/nowhere").status == 404


def test_an_artifact_is_made_found_and_counted(caller: Caller) -> None:
    make.make_scenario()
    label = {"key": "ext.ai.sap.com/stage", "value": "trained"}
    body = {"name": "Iris", "kind": "model", "url": "https://host/iris", "scenarioId": "talking", "labels": [label]}

    made = caller.ask("POST", "/lm/artifacts", body | {"unknown": 1}, content_type="")
    (found,) = caller.get("/lm/artifacts", __search="iris", searchCaseInsensitive="true").body["resources"]

    assert made.status == 201
    assert made.headers["Location"] == f"/v2/lm/artifacts/{made.body['id']}"
    assert (found["id"], found["labels"]) == (made.body["id"], [label])
    assert caller.get("/lm/artifacts", searchCaseInsensitive="IRI").body["count"] == 1
    assert caller.get("/lm/artifacts", searchCaseInsensitive="rose").body["count"] == 0
    assert caller.get("/lm/artifacts/$count", kind="model").body == "1"
    assert caller.get("/lm/artifacts/$count", kind="dataset").body == "0"
    assert caller.get("/lm/artifacts", artifactLabelSelector="ext.ai.sap.com/stage=trained").body["count"] == 1
    assert caller.get("/lm/artifacts", artifactLabelSelector="ext.ai.sap.com/stage!=trained").body["count"] == 0
    expanded = caller.get(f"/lm/artifacts/{made.body['id']}", __expand="scenario").body
    assert expanded["scenario"]["id"] == "talking"


def test_a_configuration_is_made_checked_and_found(caller: Caller) -> None:
    executable = make.make_executable()
    artifact = make.make_artifact()
    body = {
        "name": "Iris",
        "executableId": executable.pk,
        "scenarioId": executable.scenario_id,
        "parameterBindings": [{"key": "topic", "value": "flowers"}],
        "inputArtifactBindings": [{"key": "model", "artifactId": str(artifact.pk)}],
    }

    made = caller.ask("POST", "/lm/configurations", body)
    wrong = caller.ask("POST", "/lm/configurations", body | {"parameterBindings": [{"key": "colour", "value": "red"}]})

    assert made.status == 201
    told = caller.get(f"/lm/configurations/{made.body['id']}").body
    assert {"key": "greeting", "value": "hello"} in told["parameterBindings"]
    assert wrong.status == 400
    assert {detail["target"] for detail in wrong.error["details"]} == {"parameters.colour", "parameters.topic"}
    assert caller.get("/lm/configurations", executableIds=f"{executable.pk},other").body["count"] == 1
    assert caller.get("/lm/configurations/$count", scenarioId="elsewhere").body == "0"


def test_a_deployment_goes_through_its_life(caller: Caller, configuration: Configuration) -> None:
    made = caller.ask("POST", "/lm/deployments", {"configurationId": str(configuration.pk), "ttl": "12H"})
    pk = made.body["id"]

    assert (made.status, made.body["status"], made.body["ttl"]) == (202, "UNKNOWN", "12H")
    told = caller.get(f"/lm/deployments/{pk}").body
    assert (told["configurationName"], told["targetStatus"], told["lastOperation"]) == (
        "Iris one",
        "RUNNING",
        "CREATE",
    )
    assert TIME.match(told["createdAt"])
    assert "startTime" not in told
    early = caller.ask("PATCH", f"/lm/deployments/{pk}", {"targetStatus": "STOPPED"})
    assert (early.status, early.error["code"]) == (412, "PreconditionFailed")
    Deployment.objects.filter(pk=pk).update(status=Status.RUNNING)
    assert caller.ask("PATCH", f"/lm/deployments/{pk}", {"targetStatus": "STOPPED"}).status == 202
    Deployment.objects.filter(pk=pk).update(status=Status.STOPPED)
    assert caller.ask("DELETE", f"/lm/deployments/{pk}").status == 202
    assert Deployment.objects.get(pk=pk).target_status == TargetStatus.DELETED


def test_a_list_is_filtered_cut_and_reduced(caller: Caller, configuration: Configuration) -> None:
    running = make.make_deployment(configuration, status=Status.RUNNING)
    make.make_deployment(configuration, status=Status.DEAD)

    assert caller.get("/lm/deployments", status="RUNNING").body["resources"][0]["id"] == running.pk
    cut = caller.get("/lm/deployments", __top=1, __skip=1).body
    assert (cut["count"], len(cut["resources"])) == (2, 1)
    reduced = caller.get("/lm/deployments", status="RUNNING", __select="status").body["resources"]
    assert [(one["id"], one["status"]) for one in reduced] == [(running.pk, "RUNNING")]
    assert set(reduced[0]) == {"id", "configurationId", "status", "createdAt", "modifiedAt"}
    assert caller.get("/lm/deployments/$count", configurationId=str(configuration.pk)).body == "2"
    assert caller.get("/lm/deployments/$count", configurationId="nonsense").body == "0"


@pytest.mark.parametrize("status", list(Status))
def test_a_deployment_has_an_address_in_every_status_and_no_more_than_asked_for(
    caller: Caller, configuration: Configuration, status: Status
) -> None:
    deployment = make.make_deployment(configuration, status=status)

    (listed,) = caller.get("/lm/deployments").body["resources"]
    reduced = caller.get(f"/lm/deployments/{deployment.pk}", __select="status").body

    assert listed["deploymentUrl"].endswith(deployment.pk) if status == Status.RUNNING else not listed["deploymentUrl"]
    assert listed["deploymentUrl"] == caller.get(f"/lm/deployments/{deployment.pk}").body["deploymentUrl"]
    told = {"id", "configurationId", "status", "createdAt", "modifiedAt", "statusDetails", "details"}
    assert (set(reduced), reduced["status"]) == (told, status)


def test_a_failure_has_a_code_with_values_beside_the_english_sentence(
    caller: Caller, configuration: Configuration
) -> None:
    cause = Message("ServerExited", {"code": 3, "during": "WhileStarting", "log": "ValueError: no model"})
    failed = reasons.UPDATE_FAILED(configuration="new", cause=cause, last="old")
    deployment = make.make_deployment(configuration, status=Status.DEAD, **columns_of(failed))
    generation = make.make_generation(deployment, outcome="FAILED", **columns_of(cause))
    detail = reasons.HEALTH_TIMED_OUT(path="/health", limit_seconds=1)
    replica = make.make_replica(generation, detail=detail)
    Attempt.objects.create(replica=replica, number=1, ended_at=timezone.now(), **columns_of(cause))
    make.make_event(deployment, **columns_of(reasons.STATUS_CHANGED(message=failed)))

    body = caller.ask("GET", f"/lm/deployments/{deployment.pk}", headers={"Accept-Language": "de"}).body

    sentence = "While it was starting: The server ended with exit code 3. Its log says: ValueError: no model."
    whole = f"Update to new failed: {sentence} The last configuration that was running is old."
    details = body["statusDetails"]
    assert (body["statusMessage"], details["message"], details["reason"]) == (whole, whole, "UpdateFailed")
    assert details["params"]["cause"]["reason"] == "ServerExited"
    assert details["params"]["cause"]["params"]["code"] == 3
    assert [(one["reason"], one["message"]) for one in details["attempts"]] == [("ServerExited", sentence)]
    assert [(one["reason"], one["message"]) for one in details["events"]] == [("StatusChanged", whole)]
    assert details["replicas"][0]["params"] == {"path": "/health", "limitSeconds": 1}


def test_parameters_are_understood_with_and_without_the_dollar_sign(
    caller: Caller, configuration: Configuration
) -> None:
    first, second = (make.make_deployment(configuration) for _ in range(2))
    make.make_group("other-group")
    for dollar in ("", "__"):
        cut = caller.get("/lm/deployments", **{f"{dollar}top": 1, f"{dollar}skip": 1}).body["resources"]
        assert [one["id"] for one in cut] == [first.pk]
        reduced = caller.get(f"/lm/deployments/{second.pk}", **{f"{dollar}select": "status"}).body
        assert "targetStatus" not in reduced
        one = caller.get("/lm/configurations", **{f"{dollar}search": "one", f"{dollar}expand": "scenario"}).body
        assert [found["scenario"]["id"] for found in one["resources"]] == ["talking"]
        assert caller.get("/admin/resourceGroups", **{f"{dollar}search": "other"}).body["count"] == 1
        for name, value in {"order": "up", "start": "yesterday", "end": "tomorrow"}.items():
            refused = caller.get(f"/lm/deployments/{second.pk}/logs", **{f"{dollar}{name}": value})
            assert (refused.status, refused.error["details"][0]["target"].strip("$")) == (400, name)
    both = caller.ask("GET", "/lm/deployments", query={"$top": 2, "top": 1}).body["resources"]
    assert len(both) == 2, "the specified spelling wins"


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_what_is_not_offered_says_so_whatever_the_method(method: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    for path, status in (("lm/executions", 501), ("admin/repositories/x", 501), ("nothing/here", 404), ("", 404)):
        for headers in ({}, {"Cookie": "launchpad_csrf=x"}):
            answer = strict.generic(method, f"/v2/{path}", b"{}", content_type="application/json", headers=headers)
            assert (answer.status_code, answer.json()["error"]["target"]) == (status, f"/v2/{path}")
    assert strict.generic(method, "/v2").json()["error"]["code"] == "NotFound"


def test_head_is_answered_like_get_and_options_with_what_is_allowed(
    caller: Caller, configuration: Configuration
) -> None:
    signed = {"Authorization": f"Bearer {caller.token}", "AI-Resource-Group": "default"}
    got = Client().get("/v2/lm/configurations", headers=signed)
    head = Client().head("/v2/lm/configurations", headers=signed)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert Client().head("/v2/lm/configurations/none", headers=signed).status_code == 404
    assert Client().head("/v2/lm/configurations").status_code == 401
    options = Client().options("/v2/lm/configurations")
    assert (options.status_code, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    refused = caller.ask("PUT", f"/lm/configurations/{configuration.pk}")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert Client().options("/v2/lm/executions").status_code == 501
    assert Client().options("/v2/nothing").status_code == 404


def test_many_are_stopped_at_once_each_with_its_answer(caller: Caller, configuration: Configuration) -> None:
    running = make.make_deployment(configuration, status=Status.RUNNING)
    dead = make.make_deployment(configuration, status=Status.DEAD)
    items = [{"id": pk, "targetStatus": "STOPPED"} for pk in (running.pk, dead.pk, "d000000000000000")]

    answer = caller.ask(
        "PATCH", "/lm/deployments", {"deployments": items}, content_type="application/merge-patch+json"
    )

    first, second, third = answer.body["deployments"]
    assert answer.status == 202
    assert "message" in first
    assert "cannot be stopped" in second["error"]["message"]
    assert "There is no deployment" in third["error"]["message"]
    assert caller.ask("PATCH", "/lm/deployments", {"deployments": []}).status == 400


def test_meta_tells_the_truth(caller: Caller) -> None:
    ai_api = caller.ask("GET", "/lm/meta").body["aiApi"]

    assert ai_api["capabilities"]["logs"] == {"executions": False, "deployments": True}
    assert ai_api["capabilities"]["bulkUpdates"]["deployments"] is True
    assert ai_api["limits"]["timeToLiveDeployments"]["minimum"] == "10m"


def test_resource_groups_are_made_labelled_and_removed_when_empty(group: ResourceGroup) -> None:
    administrator = Caller(Role.ADMINISTRATOR)
    label = {"key": "ext.ai.sap.com/team", "value": "blue"}

    made = administrator.ask("POST", "/admin/resourceGroups", {"resourceGroupId": "team.blue", "labels": [label]})
    assert (made.status, made.body["resourceGroupId"]) == (202, "team.blue")
    assert administrator.ask("POST", "/admin/resourceGroups", {"resourceGroupId": "team.blue"}).status == 409
    assert administrator.get("/admin/resourceGroups/team.blue").body["labels"] == [label]
    assert administrator.get("/admin/resourceGroups", labelSelector="ext.ai.sap.com/team=blue").body["count"] == 1
    make.make_configuration(group=ResourceGroup.objects.get(pk="team.blue"))
    refused = administrator.ask("DELETE", "/admin/resourceGroups/team.blue")
    assert (refused.status, "1 configuration" in refused.error["message"]) == (412, True)
    assert administrator.ask("DELETE", "/admin/resourceGroups/default").status == 202


def test_quotas_are_told_with_what_is_used(caller: Caller, configuration: Configuration) -> None:
    ResourceGroup.objects.update(deployment_quota=1, replica_quota=2)
    make.make_deployment(configuration)

    told = caller.get("/admin/resourceQuota/deployments").body
    over = caller.ask("POST", "/lm/deployments", {"configurationId": str(configuration.pk)})

    assert told["usage"]["count"] == 1
    assert told["quotas"][0]["deploymentQuota"] == {"maxCount": 1, "maxReplicaPerDeployment": 2}
    assert (over.status, over.error["code"]) == (429, "QuotaExceeded")
    assert "may have 1 deployments and has 1" in over.error["message"]


def test_what_can_never_fit_is_refused_with_its_numbers(caller: Caller, configuration: Configuration) -> None:
    ResourcePlan.objects.update(memory_bytes=900_000_000_000)

    refused = caller.ask("POST", "/lm/deployments", {"configurationId": str(configuration.pk)})

    assert refused.status == 400
    assert "It can never run here: it needs 900 GB of memory" in str(refused.body)


def test_the_number_of_queries_does_not_grow(caller: Caller, configuration: Configuration) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as made:
            assert caller.get(path).status == 200
        return len(made)

    one = make.make_deployment(configuration, status=Status.RUNNING)
    few = queries("/lm/deployments")
    for _ in range(30):
        make.make_deployment(configuration, status=Status.RUNNING)

    assert queries("/lm/deployments") == few <= 7
    assert queries(f"/lm/deployments/{one.pk}") <= 10


def test_the_document_describes_every_endpoint(client: Client) -> None:
    document = client.get("/v2/openapi.json").json()

    assert "/v2/lm/deployments/{deploymentId}/logs" in document["paths"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert {"400", "401", "404"} <= set(operation["responses"]), path
            assert operation["security"], path
