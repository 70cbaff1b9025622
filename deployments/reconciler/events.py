"""Events: a row for the pages, and a line for the terminal."""

from __future__ import annotations

import logging

from django.db import transaction

from deployments.lifecycle import Status
from deployments.messages import Message, render_english
from deployments.models import Deployment, DeploymentEvent, Severity, columns_of

terminal = logging.getLogger("launchpad.events")
_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.ERROR: logging.ERROR}


def record_event(
    deployment: Deployment, message: Message, *, severity: str = Severity.INFO, status: str | None = None
) -> None:
    """Write an event in the current transaction, and print it in the terminal after the commit."""
    status = Status(status or deployment.status).value
    DeploymentEvent.objects.create(
        deployment=deployment,
        generation=deployment.generation,
        status=status,
        severity=severity,
        **columns_of(message),
    )
    extra = {"deployment": deployment.pk, "status": status}
    transaction.on_commit(
        lambda: terminal.log(_LEVELS[Severity(severity)], "%s", render_english(message), extra=extra)
    )
