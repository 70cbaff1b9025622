"""Connections know their nodes, and replicas the one that they are on.

What a connection had in all becomes its one node, as until now there were connections of this machine alone.
"""

from django.db import migrations, models

import deployments.models.nodes

AMOUNTS = ("cpu_millis", "memory_bytes", "gpus")


def one_node(apps, schema_editor):
    """Keep what is known, so that nobody waits for the next sweep to know it again."""
    statuses = apps.get_model("deployments", "ConnectionStatus").objects
    for row in statuses.exclude(cpu_millis=None).exclude(memory_bytes=None).exclude(gpus=None):
        node = {"name": "localhost", **{name: getattr(row, name) for name in AMOUNTS}}
        statuses.filter(pk=row.pk).update(nodes=[node])


class Migration(migrations.Migration):
    dependencies = [("deployments", "0002_codes_and_words")]

    operations = [
        migrations.AddField(
            "connectionstatus",
            "nodes",
            deployments.models.nodes.NodesField(blank=True, null=True, verbose_name="nodes"),
        ),
        migrations.RunPython(one_node, migrations.RunPython.noop, elidable=True),
        *[migrations.RemoveField("connectionstatus", name) for name in AMOUNTS],
        migrations.AddField(
            "replica",
            "node",
            models.CharField(blank=True, default="", max_length=253, verbose_name="node"),
        ),
    ]
