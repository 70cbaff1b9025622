"""Secrets that model servers get as environment variables. Their keys can be read, their values cannot."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments.models.workspace import ResourceGroup

DOCKER_CONFIG_KEY = ".dockerconfigjson"  # of credentials of container registries, as in Kubernetes


class Secret(models.Model):
    """Named values of one resource group, or of all when it has none; a group's own goes before one for all.

    `encrypted` is the encrypted JSON object of key -> value; `scheduling/secret_values.py` decrypts it.
    """

    resource_group = models.ForeignKey(
        ResourceGroup, models.CASCADE, related_name="secrets", null=True, blank=True, verbose_name=_("resource group")
    )
    name = models.CharField(_("name"), max_length=252)
    keys = models.JSONField(_("keys"), default=list)
    labels = models.JSONField(_("labels"), default=dict, blank=True)
    encrypted = models.TextField(_("values (encrypted)"), editable=False)
    created_at = models.DateTimeField(_("created on"), default=timezone.now)
    changed_at = models.DateTimeField(_("changed on"), default=timezone.now)

    class Meta:
        verbose_name = _("secret")
        verbose_name_plural = _("secrets")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["resource_group", "name"], name="one_secret_per_name"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(resource_group=None), name="one_shared_secret_per_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_of_registry(self) -> bool:
        """Whether it holds credentials of container registries, in the form of Docker's `config.json`."""
        return list(self.keys) == [DOCKER_CONFIG_KEY]
