"""The very first start: nothing is there, and the samples are prepared while everything works already."""

from __future__ import annotations

import pytest

from tests.stack import running_stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack


def test_the_samples_are_prepared_in_the_background_and_only_once() -> None:
    with running_stack(LAUNCHPAD_SAMPLES="1") as stack:
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
        assert len(list((stack.home / "envs").glob("*/.complete"))) == 3
        stack.stop()
        stack.start()
        assert "first-start" not in stack.programs()


def test_a_first_start_without_a_package_index_goes_on_without_samples() -> None:
    nowhere = {"UV_INDEX_URL": "http://127.0.0.1:1/", "UV_NO_CONFIG": "1", "UV_FIND_LINKS": "", "UV_HTTP_TIMEOUT": "1"}
    with running_stack(LAUNCHPAD_SAMPLES="1", **nowhere) as stack:
        wait_until(
            lambda: "cannot be built" in stack.output and "The next start tries again" in stack.output,
            timeout=120,
            what="the terminal says what failed",
        )
        assert stack.health() == 200
        wait_until(lambda: stack.programs()["first-start"]["statename"] == "EXITED", what="it does not try for ever")
