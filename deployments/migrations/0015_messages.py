"""What happened is stored as a code with values. Sentences that were stored are kept as texts: the next look at a
deployment writes codes, and what has ended is read as it was written.
"""

from django.db import migrations, models

import deployments.models.message

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
    dependencies = [("deployments", "0014_replica_endpoint")]

    operations = [
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
    ]
