"""The installation gets an id; a connection has a kind of the registry, and secrets."""

from django.db import migrations, models

import deployments.models.workspace


class Migration(migrations.Migration):
    dependencies = [("deployments", "0012_connection_status")]

    operations = [
        migrations.CreateModel(
            name="Installation",
            fields=[
                (
                    "number",
                    models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "id_of_installation",
                    models.CharField(
                        default=deployments.models.workspace.new_installation_id, editable=False, max_length=32, verbose_name="id"
                    ),
                ),
            ],
            options={"verbose_name": "installation", "verbose_name_plural": "installation"},
        ),
        migrations.RenameField("connection", "runtime", "kind"),
        migrations.AlterField(
            "connection", "kind", models.CharField(default="local", max_length=32, verbose_name="runtime")
        ),
        migrations.AddField(
            "connection",
            "encrypted",
            models.TextField(blank=True, default="", editable=False, verbose_name="secrets (encrypted)"),
            preserve_default=False,
        ),
    ]
