"""The audit log: who changed what, when and from where. Rows are only ever added."""

import json

from django.apps import apps
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
        verbose_name_plural = _("audit entries")
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.kind} {self.object_id}".rstrip()

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """What is different: name, before and after, each as text and `""` where there was nothing."""
        before, after = self.before or {}, self.after or {}
        pairs = [(name, _text(before.get(name)), _text(after.get(name))) for name in dict.fromkeys([*before, *after])]
        return [(name, was, now) for name, was, now in pairs if was != now]

    @property
    def kind_name(self) -> str:
        """What was changed in the reader's language."""
        return kind_name(self.kind)


def kind_name(kind: str) -> str:
    """Return what people call a kind of object; what is no table of ours is called as it is."""
    models_by_name = apps.get_app_config("deployments").models
    return str(models_by_name[kind]._meta.verbose_name) if kind in models_by_name else kind


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
