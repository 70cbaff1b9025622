"""Remediation for a failed deployment, derived from how its last attempt ended and which step failed."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from django.utils.translation import gettext as _

from deployments.lifecycle import ExitReason, Step
from deployments.models import Attempt, Generation

# Exit codes of shells and Python's `exec` when a program does not exist or may not be executed.
_NO_PROGRAM = {126, 127}
# The signals of a crash; the server's own log has the details, not the machine's.
_CRASHES = {signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP}


def remediation_for(generation: Generation, attempts: Sequence[Attempt], undone: Step | None) -> Sequence[str]:
    """Return sentences on how to fix it, the likeliest first.

    Args:
        attempts: those of the generation, the last one first.
        undone: the first step that was not completed, None when all were.
    """
    ended = next((attempt for attempt in attempts if attempt.exit_reason), None)
    sentences = [_after_exit(ended)] if ended is not None and ended.exit_reason != ExitReason.STOPPED else []
    if not sentences:
        sentences = [_after_step(undone)]
    if generation.configuration.inputs and ended is not None and ended.exit_reason == ExitReason.EXITED:
        sentences.append(_("Check that its input artifact is what the server expects: right file, right version."))
    return [sentence for sentence in sentences if sentence]


def _after_exit(attempt: Attempt) -> str:
    if attempt.exit_reason == ExitReason.OUT_OF_MEMORY:
        return _("Choose a configuration with a larger resource plan, or a smaller model.")
    if attempt.exit_reason == ExitReason.NOT_STARTED:
        return _("Correct what the message names (requirements, artifact or command), then update to the new values.")
    if attempt.exit_reason == ExitReason.LOST:
        return _(
            "Nothing points to the model itself: the machine was restarted or the process removed. Start it again."
        )
    if attempt.exit_code in _NO_PROGRAM:
        return _("The template's command was not found: correct it, or add its package to the requirements.")
    if attempt.exit_reason == ExitReason.SIGNALED and attempt.exit_signal not in _CRASHES:
        return _(
            "Something outside Launchpad ended it. Look at the machine's own log at that time, then start it again."
        )
    return _("Read the log from its first error on; then make a configuration with corrected values and update to it.")


def _after_step(step: Step | None) -> str:
    known = {
        Step.PLACED: _("Stop a deployment that is not needed, or choose a configuration with a smaller plan."),
        Step.PREPARED: _("Check the template's requirements; the log shows what could not be installed."),
        Step.FETCHED: _("Check the addresses of its input artifacts, and that they can be reached from this machine."),
        Step.STARTED: _("Let the server listen on the port given in the environment variable PORT on 127.0.0.1."),
        Step.HEALTHY: _("Check the template's health path; a large model may need a longer deadline for this step."),
        Step.VERIFIED: _("Check the template's readiness request: send it by hand and look at the answer."),
        Step.ROUTED: _("Look at the gateway's log; then start the deployment again."),
    }
    return known.get(step, "") if step else ""
