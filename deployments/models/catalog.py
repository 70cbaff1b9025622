"""What can be deployed: scenarios, their executables (deployment templates), and the resource plans they name."""

from __future__ import annotations

from functools import cached_property

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments import serving_template
from deployments.runtimes.base import Resources


class Scenario(models.Model):
    """An AI use case; groups executables."""

    id = models.CharField(_("id"), primary_key=True, max_length=64)
    name = models.CharField(_("name"), max_length=256)
    description = models.TextField(_("description"), blank=True)
    labels = models.JSONField(_("labels"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created on"), auto_now_add=True)
    changed_at = models.DateTimeField(_("changed on"), auto_now=True)

    class Meta:
        verbose_name = _("scenario")
        verbose_name_plural = _("scenarios")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Executable(models.Model):
    """A deployment template. `text` is the ServingTemplate document; the other columns repeat what lists show."""

    id = models.CharField(_("id"), primary_key=True, max_length=64)
    scenario = models.ForeignKey(Scenario, models.PROTECT, related_name="executables")
    name = models.CharField(_("name"), max_length=256)
    description = models.TextField(_("description"), blank=True)
    version = models.CharField(_("version"), max_length=64, blank=True)
    labels = models.JSONField(_("labels"), default=dict, blank=True)
    text = models.TextField(_("template"))
    built_in = models.BooleanField(_("built in"), default=False)
    created_at = models.DateTimeField(_("created on"), auto_now_add=True)
    changed_at = models.DateTimeField(_("changed on"), auto_now=True)

    class Meta:
        verbose_name = _("deployment template")
        verbose_name_plural = _("deployment templates")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def template(self) -> serving_template.ServingTemplate:
        """The parsed document."""
        return serving_template.parse(self.text, filename=f"{self.id}.yaml")[0]


class ResourcePlan(models.Model):
    """A named bundle of CPU (thousandths of a core), memory (bytes) and GPUs."""

    id = models.CharField(_("id"), primary_key=True, max_length=64)
    description = models.CharField(_("description"), max_length=256, blank=True)
    cpu_millis = models.PositiveIntegerField(_("CPU (thousandths of a core)"), validators=[MinValueValidator(1)])
    memory_bytes = models.PositiveBigIntegerField(_("memory (bytes)"), validators=[MinValueValidator(1 << 20)])
    gpus = models.PositiveIntegerField(_("GPUs"), default=0)

    class Meta:
        verbose_name = _("resource plan")
        verbose_name_plural = _("resource plans")
        ordering = ["gpus", "memory_bytes"]

    def __str__(self) -> str:
        return self.id

    @property
    def resources(self) -> Resources:
        return Resources(cpu_millis=self.cpu_millis, memory_bytes=self.memory_bytes, gpus=self.gpus)
