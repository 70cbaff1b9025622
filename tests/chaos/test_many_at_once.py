"""Many deployments asked for at the same moment all run, and the pages answer meanwhile."""

from __future__ import annotations

import os

import pytest

from tests.person import Caller, Person, make_configurations
from tests.stack import running_stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack

MANY = int(os.environ.get("LAUNCHPAD_TEST_MANY", "12"))


def test_many_at_once_all_run() -> None:
    with running_stack() as stack:
        (pk,) = make_configurations(stack, a={}).values()
        create = (
            "from deployments import operations\n"
            "from deployments.bootstrap import seed\n"
            "from deployments.models import Configuration\n"
            f"configuration = Configuration.objects.get(pk={pk!r})\n"
            f"for _ in range({MANY}):\n"
            "    group = configuration.resource_group\n"
            "    print(operations.create_deployment(seed.ACTOR, group, configuration).pk)\n"
        )
        deployments = stack.manage("shell", "--no-imports", "-c", create).split()
        person = Person(stack)

        def all_run() -> bool:
            assert person.see("deployments/").status == 200
            return all(stack.status(deployment) == "RUNNING" for deployment in deployments)

        wait_until(all_run, timeout=120, what=f"all {MANY} run", pause=0.2)
        caller = Caller(stack)

        # While this many programs start at once on two cores, a health check may take longer than the gateway waits.
        def all_answer() -> bool:
            return {caller.status(deployment) for deployment in deployments} == {200}

        wait_until(all_answer, timeout=10, what="all of them answer", pause=0.2)
        assert len(stack.model_servers()) == MANY
