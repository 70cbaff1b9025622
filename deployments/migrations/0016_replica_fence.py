"""Which attempts of a replica must not run any more is known here, no longer by each runtime."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0015_messages")]

    operations = [
        migrations.AddField(
            "replica", "fence", models.PositiveIntegerField(default=0, verbose_name="attempts that must not run")
        ),
    ]
