from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0008_draft_key'),
    ]

    operations = [
        migrations.CreateModel(
            name='TokenGrant',
            fields=[
                ('id', models.CharField(editable=False, max_length=32, primary_key=True, serialize=False)),
                ('client_id', models.CharField(db_index=True, max_length=128, verbose_name='client id')),
                ('subject', models.CharField(max_length=150, verbose_name='name')),
                ('role', models.CharField(choices=[('viewer', 'Viewer'), ('editor', 'Editor'), ('administrator', 'Administrator')], max_length=16, verbose_name='role')),
                ('groups', models.JSONField(null=True, verbose_name='resource groups')),
                ('expires_at', models.DateTimeField(db_index=True, verbose_name='expires on')),
            ],
            options={
                'verbose_name': 'rights in access tokens',
                'verbose_name_plural': 'rights in access tokens',
            },
        ),
    ]
