"""Columns and values take the field's words."""

from django.db import migrations, models

OLD, NEW = "PROVED", "VERIFIED"


def verified(apps, schema_editor):
    """Steps that were done keep their time under the step's new name."""
    generation = apps.get_model("deployments", "Generation")
    for row in generation.objects.filter(steps__has_key=OLD).only("pk", "steps").iterator():
        steps = {NEW if step == OLD else step: at for step, at in row.steps.items()}
        generation.objects.filter(pk=row.pk).update(steps=steps)


class Migration(migrations.Migration):
    dependencies = [("deployments", "0010_proof_answer")]

    operations = [
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
    ]
