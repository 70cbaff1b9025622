"""Where deployments live: runtime connections and the resource groups on them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.runtimes.base import Resources


class Connection(models.Model):
    """One configured runtime. `options` holds what its driver needs beside the settings."""

    class RuntimeKind(models.TextChoices):
        LOCAL = "local", _("Local processes")

    name = models.SlugField(_("name"), max_length=64, unique=True)
    runtime = models.CharField(_("runtime"), max_length=32, choices=RuntimeKind.choices, default=RuntimeKind.LOCAL)
    options = models.JSONField(_("options"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created on"), auto_now_add=True)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ConnectionStatus(models.Model):
    """What was last seen of a connection. Written by the sweep alone, for all who may not wait for its answer.

    The amounts are None until it has answered once; `unreachable_since` is set, with why in `problem`, while it does
    not answer, and `contacted_at` is then when it last did. While it answers, `contacted_at` lags behind by a few
    seconds, so that there is not a commit for each look.
    """

    connection = models.OneToOneField(Connection, models.CASCADE, primary_key=True, related_name="status")
    cpu_millis = models.PositiveIntegerField(_("CPU (thousandths of a core)"), null=True)
    memory_bytes = models.PositiveBigIntegerField(_("memory (bytes)"), null=True)
    gpus = models.PositiveIntegerField(_("GPUs"), null=True)
    contacted_at = models.DateTimeField(_("last answered on"), null=True)
    unreachable_since = models.DateTimeField(_("unreachable since"), null=True)
    problem = models.TextField(_("why it is not reachable"), blank=True)

    class Meta:
        verbose_name = _("status of a connection")
        verbose_name_plural = _("statuses of connections")

    def __str__(self) -> str:
        return f"Status of {self.connection}"

    @property
    def capacity(self) -> Resources | None:
        """All there is to place replicas on, None while it is not known."""
        if self.cpu_millis is None or self.memory_bytes is None or self.gpus is None:
            return None
        return Resources(cpu_millis=self.cpu_millis, memory_bytes=self.memory_bytes, gpus=self.gpus)


class ResourceGroup(models.Model):
    """Isolates configurations, artifacts, deployments and quotas of one group of people.

    Quotas are counts; None means without limit. `deleting_since` is set once the group goes with all it holds.
    """

    id = models.SlugField(_("id"), primary_key=True, max_length=253)
    connection = models.ForeignKey(Connection, models.PROTECT, related_name="resource_groups")
    labels = models.JSONField(_("labels"), default=dict, blank=True)
    deployment_quota = models.PositiveIntegerField(_("quota of deployments"), null=True, blank=True)
    replica_quota = models.PositiveIntegerField(_("quota of replicas per deployment"), null=True, blank=True)
    created_at = models.DateTimeField(_("created on"), auto_now_add=True)
    deleting_since = models.DateTimeField(_("being deleted since"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("resource group")
        verbose_name_plural = _("resource groups")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.id
