"""Sign-in by OpenID Connect with a real provider: who is let in as whom, and who is not."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests
from oidc_provider_mock import run_server_in_thread

from tests.stack import Stack, running_stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack

PEOPLE = """
from deployments.bootstrap.seed import ACTOR
from deployments.models import Role
from deployments.operations.users import Person, create_user
create_user(ACTOR, "erin", Person(role=Role.EDITOR, email="Erin@Example.com"))
create_user(ACTOR, "ina", Person(role=Role.EDITOR, email="ina@example.com", is_active=False))
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with run_server_in_thread() as provider:
        yield f"http://localhost:{provider.server_port}"


@pytest.fixture(scope="module")
def stack(issuer: str) -> Iterator[Stack]:
    with running_stack(
        LAUNCHPAD_OIDC_ISSUER=issuer,
        LAUNCHPAD_OIDC_NAME="Our Company",
        LAUNCHPAD_OIDC_CLIENT_SECRET="secret",
        LAUNCHPAD_OIDC_ROLE="viewer",
        LAUNCHPAD_OIDC_GROUPS="default",
    ) as stack:
        stack.manage("shell", "--no-imports", "-c", PEOPLE)
        yield stack


def come(stack: Stack, issuer: str, sub: str, *, action: str = "", **claims: object) -> requests.Response:
    """Click on the provider's button, be known there by `claims`, and return the page that one ends on."""
    requests.put(f"{issuer}/users/{sub}", json=claims, timeout=20).raise_for_status()
    with requests.Session() as browser:
        page = browser.get(f"{stack.base_url}/sign-in/?next=/deployments/", timeout=20)
        assert "Sign in with Our Company" in page.text
        link = re.search(r'href="(/sign-in/openid/[^"]+)"', page.text)
        assert link is not None
        form = browser.get(f"{stack.base_url}{link[1]}", timeout=20)
        assert form.url.startswith(issuer)
        assert "code_challenge=" in form.url
        return browser.post(form.url, data={"sub": sub, "action": action}, timeout=20)


def account_of(page: requests.Response) -> str:
    found = re.search(r"Account:\s+([^<]+?)\s*<", page.text)
    return found[1] if found else ""


def test_somebody_with_an_account_is_known_by_the_verified_address_and_later_by_the_provider(
    stack: Stack, issuer: str
) -> None:
    page = come(stack, issuer, "4711", email="erin@example.com", email_verified=True)
    assert (account_of(page), page.url) == ("erin", f"{stack.base_url}/deployments/")

    again = come(stack, issuer, "4711", email="married@example.com", email_verified=True)

    assert account_of(again) == "erin"
    told = stack.rows("SELECT actor, channel FROM deployments_auditentry WHERE action = 'sign-in'")
    assert told.count(("erin", "page")) == 2


def test_an_address_that_nobody_has_verified_opens_no_account(stack: Stack, issuer: str) -> None:
    page = come(stack, issuer, "mallory", email="erin@example.com", email_verified=False)

    assert account_of(page) == ""
    assert "has not verified your address erin@example.com" in page.text


def test_who_may_not_sign_in_stays_out(stack: Stack, issuer: str) -> None:
    page = come(stack, issuer, "ina", email="ina@example.com", email_verified=True)

    assert account_of(page) == ""
    assert "Your account may not sign in" in page.text


def test_a_stranger_gets_the_role_and_the_groups_of_the_settings_and_nobody_elses_name(
    stack: Stack, issuer: str
) -> None:
    page = come(stack, issuer, "0815", preferred_username="admin", email="x@example.com", name="Xaver Young")

    assert account_of(page) == "Xaver Young"
    assert stack.rows("SELECT first_name FROM deployments_user WHERE username = 'admin'") == [("",)]
    ((role, all_groups, password),) = stack.rows(
        "SELECT role, all_groups, password FROM deployments_user WHERE first_name = 'Xaver'"
    )
    assert (role, all_groups) == ("viewer", 0)
    assert password.startswith("!")


def test_who_declines_comes_back_to_the_sign_in_page(stack: Stack, issuer: str) -> None:
    page = come(stack, issuer, "4711", action="deny")

    assert page.url == f"{stack.base_url}/sign-in/"
    assert "Signing in with Our Company did not work" in page.text


def test_a_forged_answer_is_refused(stack: Stack) -> None:
    page = requests.get(f"{stack.base_url}/sign-in/openid/provider/login/callback/?code=x&state=y", timeout=20)

    assert page.url == f"{stack.base_url}/sign-in/"
    assert "did not work" in page.text


def test_without_a_role_in_the_settings_strangers_stay_out(stack: Stack, issuer: str) -> None:
    stack.stop()
    wait_until(lambda: not stack.is_running, what="it has stopped")
    del stack.env["LAUNCHPAD_OIDC_ROLE"]
    stack.start()

    page = come(stack, issuer, "stranger", email="stranger@example.com", email_verified=True)

    assert account_of(page) == ""
    assert "There is no account for stranger@example.com here" in page.text
