"""Events: a row for the pages, a line for the terminal."""

from __future__ import annotations

import logging

from django.db import transaction

from deployments.lifecycle import Status
from deployments.models import Deployment, DeploymentEvent, Severity

terminal = logging.getLogger("launchpad.events")
_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.ERROR: logging.ERROR}


def record_event(
    deployment: Deployment, code: str, message: str, *, severity: str = Severity.INFO, status: str | None = None
) -> None:
    """Write an event in the present transaction and show it in the terminal once that is committed."""
    status = Status(status or deployment.status).value
    DeploymentEvent.objects.create(
        deployment=deployment,
        generation=deployment.generation,
        status=status,
        severity=severity,
        code=code,
        message=message,
    )
    extra = {"deployment": deployment.pk, "status": status}
    transaction.on_commit(lambda: terminal.log(_LEVELS[Severity(severity)], "%s", message, extra=extra))
