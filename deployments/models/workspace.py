"""Where deployments live: runtime connections and the resource groups on them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


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
