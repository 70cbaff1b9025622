"""Whatever a client sends, the API answers as its own document says: never with 5xx, never with HTML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
import urllib3
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.stack import Stack, running_stack

pytestmark = pytest.mark.stack

EXAMPLES = 20  # of each endpoint
WAYS, STEPS = 7, 15  # from one endpoint to the next
COMMON: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}
EXCLUDED = [positive_data_acceptance]  # what a body refers to has to exist, too
ADMINISTRATOR = """
import json
from deployments.bootstrap.seed import ACTOR
from deployments.models import Role
from deployments.operations.service_keys import issue_service_key, service_key_file
print(json.dumps(service_key_file(issue_service_key(ACTOR, name="tester", role=Role.ADMINISTRATOR))))
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack() as stack:
        yield stack


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    """An administrator's, who may call everything."""
    key = json.loads(stack.manage("shell", "--no-imports", "-c", ADMINISTRATOR))
    headers = urllib3.make_headers(basic_auth=f"{key['clientid']}:{key['clientsecret']}")
    fields = {"grant_type": "client_credentials"}
    answer = stack.http.request(
        "POST", f"{stack.base_url}/oauth/token", fields=fields, headers=headers, encode_multipart=False
    )
    return str(answer.json()["access_token"])


@pytest.fixture(scope="module")
def document(stack: Stack) -> Any:
    return schemathesis.openapi.from_url(f"{stack.base_url}/v2/openapi.json")


def test_every_answer_is_as_documented(document: Any, token: str) -> None:
    """Each endpoint is sent what fits its description and what does not; all checks of schemathesis look at it."""
    failures = []
    for found in document.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        try:
            _try(operation, token)
        except (AssertionError, BaseExceptionGroup) as failure:
            failures.append(f"{operation.label}: {failure!r}")
    assert not failures, "\n\n".join(failures)


@pytest.mark.parametrize(
    ("paths", "reached"),
    [
        (
            r"/lm/(scenarios(/\{scenarioId\}/executables)?|configurations|deployments(/\{deploymentId\}.*)?)$",
            {
                ("POST /v2/lm/configurations", 201),
                ("POST /v2/lm/deployments", 202),
                ("GET /v2/lm/deployments/{deploymentId}", 200),
            },
        ),
        (
            r"/admin/(secrets|resourceGroups)",
            {
                ("POST /v2/admin/resourceGroups", 202),
                ("GET /v2/admin/resourceGroups/{resourceGroupId}", 200),
                ("DELETE /v2/admin/resourceGroups/{resourceGroupId}", 202),
            },
        ),
    ],
    ids=["deployments", "administration"],
)
def test_what_was_made_can_be_looked_at_changed_and_removed(
    document: Any, token: str, paths: str, reached: set[tuple[str, int]]
) -> None:
    """Go from one endpoint to the next along the document's links; all checks look at each step."""
    seen: set[tuple[str, int]] = set()
    machine = document.include(path_regex=paths).as_state_machine
    once = settings(max_examples=5, stateful_step_count=STEPS, phases=[Phase.generate], database=None, **COMMON)

    def way(number: int) -> Any:
        class Way(machine()):  # type: ignore[misc]  # made at run time
            rule_order_seed = number  # which endpoint comes first

            def before_call(self, case: Any) -> None:
                _sign(case, token)
                if case.operation.label == "POST /v2/lm/configurations":
                    case.body = {"name": "hello", "executableId": "custom-server", "scenarioId": "custom-server"}

            def after_call(self, response: Any, case: Any) -> None:
                seen.add((case.operation.label, response.status_code))

            def validate_response(self, response: Any, case: Any, additional_checks: Any = (), **_: Any) -> None:
                case.validate_response(response, additional_checks=additional_checks, excluded_checks=EXCLUDED)

        return seed(number)(Way)

    for number in range(WAYS):
        # What a deployment allows changes while it is asked, so the same way need not lead to the same place again.
        with suppress(FlakyStrategyDefinition):
            way(number).run(settings=once)

    assert reached <= seen, seen


def _try(operation: Any, token: str) -> None:
    @settings(max_examples=EXAMPLES, derandomize=True, **COMMON)
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        _sign(case, token)
        case.call_and_validate(excluded_checks=EXCLUDED)

    check()


def _sign(case: Any, token: str) -> None:
    case.headers["Authorization"] = f"Bearer {token}"
    if "AI-Resource-Group" in case.headers:
        case.headers["AI-Resource-Group"] = "default"
