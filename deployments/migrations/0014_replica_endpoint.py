"""A replica keeps all that its runtime says of where it is reached."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0013_connection_kinds")]

    operations = [
        migrations.AddField(
            "replica", "endpoint", models.JSONField(blank=True, null=True, verbose_name="endpoint")
        ),
    ]
