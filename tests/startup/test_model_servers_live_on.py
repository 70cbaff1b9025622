"""Model servers end when Launchpad is stopped, outlive whatever else happens to it, and come back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from urllib3.exceptions import HTTPError

from tests.stack import Stack, running_stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack() as stack:
        yield stack


@pytest.fixture(scope="module")
def deployment(stack: Stack) -> str:
    """A running deployment of a light server."""
    pk = stack.deploy()
    wait_until(lambda: stack.status(pk) == "RUNNING", timeout=60, what="the deployment is running")
    return pk


def answers(stack: Stack, deployment: str) -> bool:
    """Whether its server answers on its own port."""
    query = "SELECT port FROM deployments_replica WHERE name LIKE ? AND is_reserved ORDER BY id DESC"
    ((port,), *_) = stack.rows(query, f"{deployment}-%")
    try:
        return stack.http.request("GET", f"http://127.0.0.1:{port}/").status == 200
    except HTTPError:
        return False


def test_the_terminal_tells_of_a_deployment(stack: Stack, deployment: str) -> None:
    wait_until(lambda: f"{deployment}  RUNNING" in stack.output, what="a line for it is shown")


def test_after_kill_9_of_everything_they_answer_and_are_adopted(stack: Stack, deployment: str) -> None:
    before = stack.model_servers()
    assert len(before) == 1
    stack.kill()
    assert answers(stack, deployment)
    stack.start()
    assert stack.model_servers() == before
    assert stack.status(deployment) == "RUNNING"
    assert stack.model_servers() == before
    assert answers(stack, deployment)


def test_a_stop_ends_them_and_the_next_start_brings_them_up_again(stack: Stack, deployment: str) -> None:
    before = stack.model_servers()
    assert stack.stop() == 0
    assert stack.model_servers() == {}
    assert "Stopped 1 model server." in stack.output
    stack.start()
    wait_until(
        lambda: stack.model_servers() and stack.status(deployment) == "RUNNING" and answers(stack, deployment),
        timeout=60,
        what="it runs again",
    )
    assert not before.keys() & stack.model_servers().keys()
