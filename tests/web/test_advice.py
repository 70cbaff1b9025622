"""What is advised to whoever has a deployment that failed."""

from __future__ import annotations

import signal

import pytest

from deployments.lifecycle import ExitReason
from deployments.models import Attempt, Configuration, Generation
from deployments.web.deployments.remediation import remediation_for


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, "Something outside Launchpad ended it."),
        (signal.SIGTERM, "Something outside Launchpad ended it."),
        (signal.SIGABRT, "Read the log"),
        (signal.SIGSEGV, "Read the log"),
    ],
)
def test_a_crash_is_told_from_a_server_that_somebody_killed(number: int, words: str) -> None:
    generation = Generation(configuration=Configuration())
    attempt = Attempt(exit_reason=ExitReason.SIGNALED, exit_signal=number)

    assert remediation_for(generation, [attempt], None)[0].startswith(words)
