"""Columns of a generation are called as the rest of the desired state."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0003_nodes")]
    operations = [
        migrations.RenameField("generation", "replicas_wanted", "desired_replicas"),
        migrations.AlterField(
            "generation", "server_spec", models.JSONField(default=dict, verbose_name="server specification")
        ),
    ]
