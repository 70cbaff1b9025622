"""Pages, API, tokens, health and inference at both ports of a whole installation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import urllib3

from launchpad.version import VERSION
from tests.stack import Stack, running_stack

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack() as stack:
        yield stack


@pytest.fixture(params=["http", "https"])
def origin(request: pytest.FixtureRequest, stack: Stack) -> str:
    return stack.base_url if request.param == "http" else stack.gateway_url


@pytest.fixture
def http(stack: Stack) -> urllib3.PoolManager:
    return urllib3.PoolManager(ca_certs=str(stack.home / "tls" / "ca.pem"), retries=False, timeout=20)


def test_both_ports_answer_everything(stack: Stack, origin: str, http: urllib3.PoolManager) -> None:
    bearer = {"Authorization": f"Bearer {stack.token()}"}
    group = {"AI-Resource-Group": "default"}
    assert http.request("GET", f"{origin}/healthz").json() == {"status": "ok", "version": VERSION}
    assert b"csrfmiddlewaretoken" in http.request("GET", f"{origin}/sign-in/").data
    assert http.request("GET", f"{origin}/v2/lm/deployments", headers=bearer | group).json()["count"] == 0
    missing = http.request("GET", f"{origin}/v2/inference/deployments/d0123456789abcdef/", headers=bearer)
    assert (missing.status, missing.json()["error"]["code"]) == (404, "DeploymentNotFound")
    token = http.request("POST", f"{origin}/oauth/token", fields={"grant_type": "client_credentials"})
    assert (token.status, token.json()["error"]) == (401, "invalid_client")


def test_people_can_sign_in_at_both_ports(stack: Stack, origin: str, http: urllib3.PoolManager) -> None:
    here = Stack(stack.home)
    here.base_url, here.http = origin, http
    answer = http.request("GET", f"{origin}/", headers=here.sign_in(), redirect=False)
    assert answer.status == 200


def test_the_address_of_a_client_is_not_what_it_says(stack: Stack, origin: str, http: urllib3.PoolManager) -> None:
    claimed = {"X-Forwarded-For": "203.0.113.9", "SCRIPT_NAME": "/elsewhere", "X-Forwarded-Ssl": "on"}
    name = origin.partition(":")[0]
    wrong = urllib3.make_headers(basic_auth=f"{name}:wrong")
    answer = http.request(
        "POST",
        f"{origin}/oauth/token",
        fields={"grant_type": "client_credentials"},
        encode_multipart=False,
        headers=claimed | wrong,
    )
    assert answer.status == 401
    told = stack.rows("SELECT address FROM deployments_auditentry WHERE actor = ?", name)
    assert told == [("127.0.0.1",)]
