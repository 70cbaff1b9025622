"""What happened becomes codes with values, columns take the words of the field, and connections know what runs on them.

Sentences that were stored are kept as texts: the next look at a deployment writes codes, and what has ended is read as
it was written.
"""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import deployments.models.message
import deployments.models.workspace

OLD, NEW = "PROVED", "VERIFIED"


def verified(apps, schema_editor):
    """Steps that were done keep their time under the step's new name."""
    generation = apps.get_model("deployments", "Generation")
    for row in generation.objects.filter(steps__has_key=OLD).only("pk", "steps").iterator():
        steps = {NEW if step == OLD else step: at for step, at in row.steps.items()}
        generation.objects.filter(pk=row.pk).update(steps=steps)


TEXT = "Message"
# What stands still is not looked at again, so its commonest sentences become codes here.
FIXED = {
    "Running.": "Running",
    "Stopped. Its resources are released.": "Stopped",
    "Submitted to the runtime.": "Submitted",
    "Stop requested.": "StopRequested",
    "Deletion requested.": "DeletionRequested",
}
# Old codes of events -> new ones; all others were a status.
EVENTS = {
    "CREATE": "Created",
    "DELETE": "DeletionRequested",
    "ENDS_SOON": "EndsSoon",
    "RESTART": "RestartScheduled",
    "STOP": "StopRequested",
    "UNREACHABLE": "Unreachable",
    "OUT_OF_SIGHT": "Unreachable",
    "UPDATE": "UpdateRequested",
    "UPDATED": "TrafficMoved",
    "UPDATE_FAILED": "RolledBack",
}
# Table -> column with a sentence -> column for the message.
SINGLE = {
    "Generation": {
        "old_waiting": "waiting",
        "old_readiness_message": "readiness_message",
        "old_readiness_answer": "readiness_answer",
    },
    "Replica": {"old_detail": "detail", "old_killed_because": "killed_because"},
}
PAIRS = {"Deployment": "status_message", "Generation": "old_reason", "Attempt": "old_message"}


def message(text):
    return {"reason": FIXED[text], "params": {}} if text in FIXED else {"reason": TEXT, "params": {"text": text}}


def codes(apps, schema_editor):
    for table, column in PAIRS.items():
        rows = apps.get_model("deployments", table).objects
        # The query set of deployments gives changed rows a new revision; the one of migrations does not have to.
        for pk, text in rows.exclude(**{column: ""}).values_list("pk", column).iterator():
            rows.filter(pk=pk).update(**message(text))
    for table, columns in SINGLE.items():
        rows = apps.get_model("deployments", table).objects
        for old, new in columns.items():
            for pk, text in rows.exclude(**{old: ""}).values_list("pk", old).iterator():
                rows.filter(pk=pk).update(**{new: message(text)})
    events = apps.get_model("deployments", "DeploymentEvent").objects
    for pk, code, text in events.values_list("pk", "code", "old_message").iterator():
        values = {"text": text} if text not in FIXED else {"message": message(text)}
        events.filter(pk=pk).update(reason=EVENTS.get(code, "StatusChanged"), params=values)


def _pair(table):
    return [
        migrations.AddField(
            table, "reason", models.CharField(blank=True, default="", max_length=64, verbose_name="reason")
        ),
        migrations.AddField(table, "params", models.JSONField(blank=True, default=dict, verbose_name="values")),
    ]


def _single(table, column, words):
    return migrations.AddField(table, column, deployments.models.message.MessageField(words))


class Migration(migrations.Migration):
    dependencies = [("deployments", "0001_tables")]

    operations = [
        # The words of the field.
        migrations.RemoveIndex("deployment", "deployment_due"),
        migrations.RemoveIndex("replica", "replica_held"),
        migrations.RenameField("deployment", "returns_on_failure", "rollback_on_failure"),
        migrations.RenameField("deployment", "unseen_since", "unreachable_since"),
        migrations.RenameField("deployment", "next_pass_at", "next_reconcile_at"),
        migrations.RenameField("deployment", "proved_at", "verified_at"),
        migrations.RenameField("generation", "recipe", "server_spec"),
        migrations.RenameField("generation", "proved_at", "verified_at"),
        migrations.RenameField("generation", "proof_failures", "readiness_failures"),
        migrations.RenameField("generation", "proof_message", "readiness_message"),
        migrations.RenameField("generation", "proof_answer", "readiness_answer"),
        migrations.RenameField("replica", "is_held", "is_reserved"),
        migrations.RenameField("replica", "recycled_because", "killed_because"),
        migrations.RenameField("secret", "sealed", "encrypted"),
        migrations.AddIndex("deployment", models.Index(fields=["next_reconcile_at"], name="deployment_due")),
        migrations.AddIndex("replica", models.Index(fields=["is_reserved"], name="replica_reserved")),
        migrations.RunPython(verified, migrations.RunPython.noop),
        # What was last seen of each connection.
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
                ("problem", deployments.models.message.MessageField("why it is not reachable")),
            ],
            options={
                "verbose_name": "status of a connection",
                "verbose_name_plural": "statuses of connections",
            },
        ),
        # An installation has an id; a connection has a kind of the registry, and secrets.
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
        # Where the runtime says that a replica is reached.
        migrations.AddField(
            "replica", "endpoint", models.JSONField(blank=True, null=True, verbose_name="endpoint")
        ),
        # Codes with values.
        migrations.RenameField("generation", "reason", "old_reason"),
        migrations.RenameField("attempt", "message", "old_message"),
        migrations.RenameField("deploymentevent", "message", "old_message"),
        *[
            migrations.RenameField(table.lower(), new, old)
            for table, columns in SINGLE.items()
            for old, new in columns.items()
        ],
        *_pair("deployment"),
        *_pair("generation"),
        *_pair("attempt"),
        *_pair("deploymentevent"),
        _single("generation", "waiting", "waiting for"),
        _single("generation", "readiness_message", "last readiness check"),
        _single("generation", "readiness_answer", "what the last readiness check asked and was answered"),
        _single("replica", "detail", "detail"),
        _single("replica", "killed_because", "killed by the reconciler because"),
        migrations.RunPython(codes, migrations.RunPython.noop),
        migrations.RemoveField("deployment", "status_message"),
        migrations.RemoveField("generation", "old_reason"),
        migrations.RemoveField("attempt", "old_message"),
        migrations.RemoveField("deploymentevent", "code"),
        migrations.RemoveField("deploymentevent", "old_message"),
        *[
            migrations.RemoveField(table.lower(), old)
            for table, columns in SINGLE.items()
            for old in columns
        ],
        migrations.AlterField(
            "attempt", "exit_reason", models.CharField(blank=True, max_length=16, verbose_name="kind of end")
        ),
        # Which attempts must not run any more.
        migrations.AddField(
            "replica", "fence", models.PositiveIntegerField(default=0, verbose_name="attempts that must not run")
        ),
        # What columns are called on pages.
        migrations.AlterField(
            model_name='deployment',
            name='next_reconcile_at',
            field=models.DateTimeField(blank=True, default=django.utils.timezone.now, null=True, verbose_name='next reconcile'),
        ),
        migrations.AlterField(
            model_name='deployment',
            name='unreachable_since',
            field=models.DateTimeField(blank=True, null=True, verbose_name='unreachable since'),
        ),
        migrations.AlterField(
            model_name='deployment',
            name='verified_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='last verified on'),
        ),
        migrations.AlterField(
            model_name='generation',
            name='readiness_failures',
            field=models.PositiveIntegerField(default=0, verbose_name='failed readiness checks in a row'),
        ),
        migrations.AlterField(
            model_name='generation',
            name='verified_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='last verified on'),
        ),
    ]
