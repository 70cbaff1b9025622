"""Nobody who sends requests notices a killed server or an update, whether that succeeds or fails."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from tests.person import Caller, Person, make_configurations, path_of
from tests.stack import Stack, running_stack
from tests.traffic import Traffic, crowd
from tests.waiting import wait_until

pytestmark = pytest.mark.stack

TWO = {"minReplicas": "2"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack() as stack:
        yield stack


@pytest.fixture(scope="module")
def configurations(stack: Stack) -> dict[str, str]:
    return make_configurations(stack, a=TWO, b={}, broken={"command": "no-such-program"})


@pytest.fixture(scope="module")
def person(stack: Stack) -> Person:
    return Person(stack)


@pytest.fixture
def deployment(stack: Stack, person: Person, configurations: dict[str, str]) -> Iterator[str]:
    """Two replicas that run."""
    deployment = person.create(configurations["a"])
    wait_until(lambda: stack.status(deployment) == "RUNNING", timeout=60, what="it runs")
    yield deployment
    person.stop(deployment)


@pytest.fixture
def traffic(stack: Stack, deployment: str) -> Iterator[Traffic]:
    """A hundred requests a second to it."""
    caller = Caller(stack)
    with crowd(caller.pool, path_of(deployment), caller.headers) as seen:
        yield seen


def served(stack: Stack, deployment: str) -> list[str]:
    """Return the configurations of a deployment's servers."""
    found = []
    for pid, replica in stack.model_servers().items():
        if replica.startswith(deployment):
            try:
                found += psutil.Process(pid).cmdline()[-1:]  # none while it ends
            except psutil.NoSuchProcess:
                continue
    return sorted(found)


def test_a_killed_replica_comes_back_and_costs_no_request_that_is_safe_to_repeat(
    stack: Stack, deployment: str, traffic: Traffic
) -> None:
    wait_until(lambda: served(stack, deployment) == ["a", "a"], timeout=60, what="both replicas are there")
    before = {pid for pid, replica in stack.model_servers().items() if replica.startswith(deployment)}
    psutil.Process(before.pop()).kill()
    wait_until(lambda: served(stack, deployment) == ["a"], what="one is gone")
    wait_until(lambda: served(stack, deployment) == ["a", "a"], timeout=60, what="it is back")
    traffic.more()
    assert traffic.unexpected == []
    assert stack.status(deployment) == "RUNNING"


def test_an_update_costs_no_request(
    stack: Stack, person: Person, deployment: str, configurations: dict[str, str], traffic: Traffic
) -> None:
    person.update(deployment, configurations["b"])
    wait_until(lambda: served(stack, deployment) == ["b"], timeout=60, what="the new server alone is there")
    traffic.more()
    assert traffic.failures == []
    assert stack.status(deployment) == "RUNNING"


def test_an_update_that_fails_and_returns_costs_no_request(
    stack: Stack, person: Person, deployment: str, configurations: dict[str, str], traffic: Traffic
) -> None:
    person.update(deployment, configurations["broken"], rollback_on_failure=True)
    query = "SELECT failed_generation, status FROM deployments_deployment WHERE id = ?"
    wait_until(lambda: stack.rows(query, deployment) == [(2, "RUNNING")], timeout=60, what="it has returned")
    traffic.more()
    assert traffic.failures == []
    assert served(stack, deployment) == ["a", "a"]


def test_an_update_that_fails_ends_dead_and_is_rolled_back_by_one_click(
    stack: Stack, person: Person, deployment: str, configurations: dict[str, str]
) -> None:
    person.update(deployment, configurations["broken"])
    wait_until(lambda: stack.status(deployment) == "DEAD", timeout=60, what="it has failed")
    person.roll_back(deployment)
    wait_until(lambda: stack.status(deployment) == "RUNNING", timeout=60, what="it runs again")
    assert set(served(stack, deployment)) == {"a"}
    caller = Caller(stack)
    assert caller.status(deployment) == 200


@pytest.mark.parametrize("what", ["supervisor", "foreground"])
def test_a_kill_of_what_keeps_it_running_costs_no_request(
    stack: Stack, deployment: str, traffic: Traffic, what: str
) -> None:
    gateway = stack.pid("gateway")
    supervisor = stack.process("web").parent()
    assert supervisor is not None
    assert stack.up is not None
    web = stack.pid("web")
    if what == "supervisor":
        supervisor.kill()
    else:
        stack.up.kill()
        stack.up.wait(timeout=10)
        stack.start()
    wait_until(
        lambda: stack.pid("web") not in (0, web) and stack.health() == 200, timeout=60, what="everything answers again"
    )
    traffic.more()
    assert traffic.failures == []
    assert stack.pid("gateway") == gateway
