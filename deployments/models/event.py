"""The history of a deployment: one row for each change that is shown to people."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments.lifecycle import Status
from deployments.models.deployment import Deployment
from deployments.models.message import Reported

_STATUSES = [(status.value, status.value) for status in Status]


class Severity(models.TextChoices):
    INFO = "info", _("Information")
    WARNING = "warning", _("Warning")
    ERROR = "error", _("Error")


class DeploymentEvent(Reported):
    """Written in the same transaction as the change that it reports; never changed.

    A change of the status has the reason StatusChanged, with the message that the deployment had then as a value.
    `actor` is who has requested it, `""` when the reconciler acted by itself.
    """

    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="events")
    at = models.DateTimeField(_("time"), default=timezone.now)
    generation = models.PositiveIntegerField(_("generation"))
    status = models.CharField(_("status"), max_length=16, choices=_STATUSES)
    severity = models.CharField(_("severity"), max_length=8, choices=Severity.choices, default=Severity.INFO)
    actor = models.CharField(_("by"), max_length=256, blank=True)

    class Meta:
        verbose_name = _("deployment event")
        verbose_name_plural = _("deployment events")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["deployment", "-at"], name="event_newest")]

    def __str__(self) -> str:
        return f"{self.deployment_id}: {self.reason}"
