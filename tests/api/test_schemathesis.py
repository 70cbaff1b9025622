"""Whatever a client sends, the API answers as its own document says: never with 5xx, never with HTML."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.stack import running_stack

pytestmark = pytest.mark.stack

EXAMPLES = 20  # of each endpoint
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_every_answer_is_as_documented() -> None:
    """Each endpoint is sent what fits its description and what does not; all checks of schemathesis look at it.

    But for one: that whatever fits the description is accepted. What a body refers to has to exist, too.
    """
    with running_stack() as stack:
        token = stack.token()
        document = schemathesis.openapi.from_url(f"{stack.base_url}/v2/openapi.json")
        failures = []
        for found in document.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            try:
                _try(operation, token)
            except (AssertionError, BaseExceptionGroup) as failure:
                failures.append(f"{operation.label}: {failure!r}")
        assert not failures, "\n\n".join(failures)


def _try(operation: Any, token: str) -> None:
    @SETTINGS
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        case.headers["Authorization"] = f"Bearer {token}"
        if "AI-Resource-Group" in case.headers:
            case.headers["AI-Resource-Group"] = "default"
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    check()
