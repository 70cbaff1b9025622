"""What was last seen of each connection gets a row of its own."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0011_field_words")]

    operations = [
        migrations.CreateModel(
            name="ConnectionStatus",
            fields=[
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="status",
                        serialize=False,
                        to="deployments.connection",
                    ),
                ),
                ("cpu_millis", models.PositiveIntegerField(null=True, verbose_name="CPU (thousandths of a core)")),
                ("memory_bytes", models.PositiveBigIntegerField(null=True, verbose_name="memory (bytes)")),
                ("gpus", models.PositiveIntegerField(null=True, verbose_name="GPUs")),
                ("contacted_at", models.DateTimeField(null=True, verbose_name="last answered on")),
                ("unreachable_since", models.DateTimeField(null=True, verbose_name="unreachable since")),
                ("problem", models.TextField(blank=True, verbose_name="why it is not reachable")),
            ],
            options={
                "verbose_name": "status of a connection",
                "verbose_name_plural": "statuses of connections",
            },
        ),
    ]
