"""Models, data sets and result sets: a name, a kind and a URL."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.models.catalog import Scenario
from deployments.models.workspace import ResourceGroup
from deployments.runtimes.addresses import redacted
from deployments.storage.artifacts import SAMPLES


class ArtifactKind(models.TextChoices):
    MODEL = "model", _("Model")
    DATASET = "dataset", _("Dataset")
    RESULTSET = "resultset", _("Result set")
    OTHER = "other", _("Other")


class Artifact(models.Model):
    """An input of a template. The content of uploaded ones is in the artifact store.

    `size` is in bytes and `sha256` in lower-case hex, both known for uploaded files only.
    """

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    resource_group = models.ForeignKey(ResourceGroup, models.PROTECT, related_name="artifacts")
    scenario = models.ForeignKey(Scenario, models.PROTECT, related_name="artifacts")
    name = models.CharField(_("name"), max_length=256)
    kind = models.CharField(_("kind"), max_length=16, choices=ArtifactKind.choices)
    url = models.CharField(_("URL"), max_length=1024)
    description = models.TextField(_("description"), max_length=5000, blank=True)
    labels = models.JSONField(_("labels"), default=dict, blank=True)
    size = models.PositiveBigIntegerField(_("size (bytes)"), null=True, blank=True)
    sha256 = models.CharField(_("checksum (SHA-256)"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created on"), auto_now_add=True)
    changed_at = models.DateTimeField(_("changed on"), auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )

    class Meta:
        verbose_name = _("artifact")
        verbose_name_plural = _("artifacts")
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["resource_group", "-created_at"], name="artifact_newest")]

    def __str__(self) -> str:
        return self.name

    @property
    def owner(self) -> str:
        """The owner of its content in the artifact store: its own id, or SAMPLES."""
        came_with_us = self.pk.version == 5  # a UUID made from a name; all others have random ones
        return SAMPLES if came_with_us else str(self.pk)

    @property
    def redacted_url(self) -> str:
        """The address for people to read: what follows a question mark may be a signature."""
        return redacted(self.url)
