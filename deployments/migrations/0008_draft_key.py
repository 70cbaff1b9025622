"""A draft for each window: its key names it, no longer its resource group."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import migrations, models


def name_drafts(apps: Any, schema_editor: Any) -> None:
    for draft in apps.get_model("deployments", "Draft").objects.filter(key=""):
        draft.key = secrets.token_urlsafe(9)
        draft.save(update_fields=["key"])


class Migration(migrations.Migration):
    dependencies = [("deployments", "0007_cause_written_on")]

    operations = [
        migrations.AddField(
            model_name="draft",
            name="key",
            field=models.CharField(default="", max_length=32, verbose_name="key"),
            preserve_default=False,
        ),
        migrations.RunPython(name_drafts, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="draft", name="one_draft_per_wizard"),
        migrations.AddConstraint(
            model_name="draft",
            constraint=models.UniqueConstraint(fields=["user", "kind", "key"], name="one_draft_per_window"),
        ),
    ]
