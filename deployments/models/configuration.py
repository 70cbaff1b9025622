"""Configurations: immutable values for the parameters and input artifacts of one executable."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.models.artifact import Artifact
from deployments.models.catalog import Executable, Scenario
from deployments.models.workspace import ResourceGroup


class Configuration(models.Model):
    """Never changed after it was made; to change a value one makes another.

    `parameters` maps each parameter's name to its value (a string); `inputs` maps each placeholder to the id of an
    artifact (a string). Both are complete: defaults are written in when it is made.
    """

    id = models.UUIDField(_("id"), primary_key=True, default=uuid.uuid4, editable=False)
    resource_group = models.ForeignKey(ResourceGroup, models.PROTECT, related_name="configurations")
    scenario = models.ForeignKey(Scenario, models.PROTECT, related_name="configurations")
    executable = models.ForeignKey(Executable, models.PROTECT, related_name="configurations")
    name = models.CharField(_("name"), max_length=256)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    inputs = models.JSONField(_("input artifacts"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created on"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )

    class Meta:
        verbose_name = _("configuration")
        verbose_name_plural = _("configurations")
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["resource_group", "-created_at"], name="configuration_newest")]

    def __str__(self) -> str:
        return self.name

    def artifacts(self) -> dict[str, Artifact]:
        """Return placeholder -> artifact, in one query; a deleted artifact is missing."""
        artifacts = Artifact.objects.filter(resource_group=self.resource_group_id, pk__in=set(self.inputs.values()))
        by_id = {str(artifact.pk): artifact for artifact in artifacts}
        return {name: by_id[pk] for name, pk in self.inputs.items() if pk in by_id}
