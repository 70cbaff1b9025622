"""Why a connection does not answer is stored as a code with values. What there was is written anew by the next sweep."""

from django.db import migrations

import deployments.models.message


class Migration(migrations.Migration):
    dependencies = [("deployments", "0016_replica_fence")]

    operations = [
        migrations.RemoveField("connectionstatus", "problem"),
        migrations.AddField(
            "connectionstatus", "problem", deployments.models.message.MessageField("why it is not reachable")
        ),
    ]
