"""The very first start: nothing is there, and the samples are prepared while everything works already."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.person import Person
from tests.stack import Stack, running_stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack


def test_the_samples_are_prepared_in_the_background_and_only_once() -> None:
    with running_stack(is_first=True, LAUNCHPAD_SAMPLES="1") as stack:
        assert stack.health() == 200
        wait_until(lambda: "Sample models are ready." in stack.output, timeout=240, what="the samples are ready")
        assert "Preparing the environment of the scikit-learn server ..." in stack.output
        ((artifacts,),) = stack.rows("SELECT count(*) FROM deployments_artifact")
        assert artifacts == 6
        wait_until(
            lambda: stack.programs()["first-start"]["statename"] == "EXITED",
            timeout=240,
            what="all environments are prepared",
        )
        assert stack.programs()["first-start"]["exitstatus"] == 0
        assert len(list((stack.home / "envs").glob("*/.complete"))) == 4
        assert _deploy_every_configuration(stack) == 10
        stack.stop()
        stack.start()
        assert "first-start" not in stack.programs()


def _deploy_every_configuration(stack: Stack) -> int:
    """See each sample configuration run, which takes an answer to its sample request; return how many there are."""
    person = Person(stack)
    configurations = [str(UUID(pk)) for (pk,) in stack.rows("SELECT id FROM deployments_configuration")]
    deployments = [person.create(pk) for pk in configurations]
    query = "SELECT status, reason FROM deployments_deployment WHERE status <> 'RUNNING'"
    wait_until(
        lambda: not stack.rows(query) or "DEAD" in dict(stack.rows(query)),
        timeout=180,
        what=f"all of them run: {stack.rows(query)}",
    )
    assert stack.rows(query) == []
    return len(deployments)


def test_a_first_start_without_a_package_index_goes_on_without_samples() -> None:
    nowhere = {"UV_INDEX_URL": "http://127.0.0.1:1/", "UV_NO_CONFIG": "1", "UV_FIND_LINKS": "", "UV_HTTP_TIMEOUT": "1"}
    with running_stack(is_first=True, LAUNCHPAD_SAMPLES="1", **nowhere) as stack:
        wait_until(
            lambda: "cannot be built" in stack.output and "The next start tries again" in stack.output,
            timeout=120,
            what="the terminal says what failed",
        )
        assert stack.health() == 200
        wait_until(lambda: stack.programs()["first-start"]["statename"] == "EXITED", what="it does not try for ever")
