"""How the AI API says no: what is wrong, in the form of its specification, and nothing is changed."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.models import Configuration, Deployment
from tests import factories as make
from tests.api.caller import Caller

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/lm/nothing", None, 404),
        ("GET", "/lm/executions", None, 501),
        ("POST", "/lm/executionSchedules", {}, 501),
        ("GET", "/admin/repositories/x", None, 501),
        ("PUT", "/lm/deployments", {}, 405),
        ("GET", "/lm/deployments?$top=-1", None, 400),
        ("GET", "/lm/deployments?$top=99999999999999999999", None, 400),
        ("GET", "/lm/deployments?status=HAPPY", None, 400),
        ("GET", "/lm/deployments/x", None, 400),
        ("GET", "/lm/deployments/d000000000000000", None, 404),
        ("GET", "/lm/configurations/not-a-uuid", None, 404),
        ("GET", "/lm/deployments/d000000000000000/logs?$top=5001", None, 400),
        ("GET", "/lm/deployments/d000000000000000/logs?start=yesterday", None, 400),
        ("POST", "/lm/deployments", b"{", 400),
        ("POST", "/lm/deployments", b"\xff\xfe", 400),
        ("POST", "/lm/deployments", [], 400),
        ("POST", "/lm/deployments", {}, 400),
        ("POST", "/lm/deployments", {"configurationId": "00000000-0000-0000-0000-000000000000"}, 400),
        ("POST", "/lm/deployments", {"configurationId": 7}, 400),
        ("POST", "/lm/artifacts", {"name": "a\0b", "kind": "model", "url": "https://x", "scenarioId": "talking"}, 400),
        ("POST", "/lm/artifacts", {"name": "a", "kind": "model", "url": "ftp://x", "scenarioId": "talking"}, 400),
        (
            "POST",
            "/lm/artifacts",
            {"name": "\ud800", "kind": "model", "url": "https://x", "scenarioId": "talking"},
            400,
        ),
        ("PATCH", "/admin/resourceGroups/default", {"labels": [{"key": "ext.a", "value": "\udfff"}]}, 400),
    ],
)
def test_bad_input_is_told_and_changes_nothing(caller: Caller, method: str, path: str, body: Any, status: int) -> None:
    make.make_scenario()

    answer = caller.ask(method, path, body)

    assert answer.status == status, answer.body
    assert len(answer.error["message"]) > 10
    assert not Deployment.objects.exists()


@pytest.mark.parametrize("ttl", ["5m", "7", "ten days", "99999999d"])
def test_a_wrong_duration_is_told_at_its_field(caller: Caller, configuration: Configuration, ttl: str) -> None:
    answer = caller.ask("POST", "/lm/deployments", {"configurationId": str(configuration.pk), "ttl": ttl})

    assert answer.status == 400
    assert answer.error["details"][0]["target"].endswith("ttl")


def test_a_request_keeps_the_id_its_sender_gave_it(caller: Caller) -> None:
    answer = caller.ask("GET", "/lm/nothing", headers={"X-Request-Id": "abc-123"})

    assert answer.error["requestId"] == "abc-123"
