"""The audit log: who changed what, when and from where. Rows are only ever added."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AuditEntry(models.Model):
    """One change, written in the transaction of the change. `before` and `after` never hold secrets.

    `channel` is where it came in: "page", "api", "admin" or "command".
    """

    at = models.DateTimeField(_("time"), default=timezone.now, db_index=True)
    actor = models.CharField(_("by"), max_length=256)
    action = models.CharField(_("action"), max_length=64)
    kind = models.CharField(_("kind"), max_length=32)
    object_id = models.CharField(_("id"), max_length=253, blank=True)
    name = models.CharField(_("name"), max_length=256, blank=True)
    group = models.CharField(_("resource group"), max_length=253, blank=True)
    before = models.JSONField(_("before"), null=True, blank=True)
    after = models.JSONField(_("after"), null=True, blank=True)
    channel = models.CharField(_("channel"), max_length=16)
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.kind} {self.object_id}".rstrip()
