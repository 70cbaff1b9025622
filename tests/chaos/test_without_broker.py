"""While the broker is away the sweeps go on: they do everything, only later, and a new worker begins with them."""

from __future__ import annotations

import psutil
import pytest

from tests.person import Person, make_configurations
from tests.stack import Stack, running_stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack

SWEPT_SECONDS = 60.0  # nearly all of them for the start of processes on a busy machine


def test_without_a_broker_deployments_are_looked_after_by_the_sweeps() -> None:
    with running_stack() as stack:
        configurations = make_configurations(stack, first={}, second={})
        person = Person(stack)
        deployment = person.create(configurations["first"])
        _wait_for(stack, deployment, "RUNNING")
        assert stack.supervisor().stopProcess("valkey")
        assert stack.health() == 503

        (server,) = stack.model_servers()
        psutil.Process(server).kill()
        wait_until(
            lambda: stack.model_servers().keys() - {server}, timeout=SWEPT_SECONDS, what="a server that ended is back"
        )
        _wait_for(stack, deployment, "RUNNING")

        stack.process("worker").kill()
        other = person.create(configurations["second"])
        _wait_for(stack, other, "RUNNING")
        person.stop(deployment)
        _wait_for(stack, deployment, "STOPPED")


def _wait_for(stack: Stack, deployment: str, status: str) -> None:
    wait_until(
        lambda: stack.status(deployment) == status, timeout=SWEPT_SECONDS, what=f"{deployment} is {status}", pause=0.1
    )
