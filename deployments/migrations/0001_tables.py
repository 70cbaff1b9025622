"""All tables as they were before codes and the field's words; an installation of that time has them already."""

import deployments.models.deployment
import django.contrib.auth.models
import django.contrib.auth.validators
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('deployments', '0001_initial'),
        ('deployments', '0002_reader_choices'),
        ('deployments', '0003_audit_log'),
        ('deployments', '0004_secrets'),
        ('deployments', '0005_administration'),
        ('deployments', '0006_replica_launched_at'),
        ('deployments', '0007_cause_written_on'),
        ('deployments', '0008_draft_key'),
        ('deployments', '0009_token_grants'),
        ('deployments', '0010_proof_answer'),
    ]

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name='time')),
                ('actor', models.CharField(max_length=256, verbose_name='by')),
                ('action', models.CharField(max_length=64, verbose_name='action')),
                ('kind', models.CharField(max_length=32, verbose_name='kind')),
                ('object_id', models.CharField(blank=True, max_length=253, verbose_name='id')),
                ('name', models.CharField(blank=True, max_length=256, verbose_name='name')),
                ('group', models.CharField(blank=True, max_length=253, verbose_name='resource group')),
                ('before', models.JSONField(blank=True, null=True, verbose_name='before')),
                ('after', models.JSONField(blank=True, null=True, verbose_name='after')),
                ('channel', models.CharField(max_length=16, verbose_name='channel')),
                ('address', models.GenericIPAddressField(blank=True, null=True, verbose_name='address')),
            ],
            options={
                'verbose_name': 'audit entry',
                'verbose_name_plural': 'audit entries',
                'ordering': ['-at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Connection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.SlugField(max_length=64, unique=True, verbose_name='name')),
                ('runtime', models.CharField(choices=[('local', 'Local processes')], default='local', max_length=32, verbose_name='runtime')),
                ('options', models.JSONField(blank=True, default=dict, verbose_name='options')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created on')),
            ],
            options={
                'verbose_name': 'connection',
                'verbose_name_plural': 'connections',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Executable',
            fields=[
                ('id', models.CharField(max_length=64, primary_key=True, serialize=False, verbose_name='id')),
                ('name', models.CharField(max_length=256, verbose_name='name')),
                ('description', models.TextField(blank=True, verbose_name='description')),
                ('version', models.CharField(blank=True, max_length=64, verbose_name='version')),
                ('labels', models.JSONField(blank=True, default=dict, verbose_name='labels')),
                ('text', models.TextField(verbose_name='template')),
                ('built_in', models.BooleanField(default=False, verbose_name='built in')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created on')),
                ('changed_at', models.DateTimeField(auto_now=True, verbose_name='changed on')),
            ],
            options={
                'verbose_name': 'deployment template',
                'verbose_name_plural': 'deployment templates',
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='ResourcePlan',
            fields=[
                ('id', models.CharField(max_length=64, primary_key=True, serialize=False, verbose_name='id')),
                ('description', models.CharField(blank=True, max_length=256, verbose_name='description')),
                ('cpu_millis', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)], verbose_name='CPU (thousandths of a core)')),
                ('memory_bytes', models.PositiveBigIntegerField(validators=[django.core.validators.MinValueValidator(1048576)], verbose_name='memory (bytes)')),
                ('gpus', models.PositiveIntegerField(default=0, verbose_name='GPUs')),
            ],
            options={
                'verbose_name': 'resource plan',
                'verbose_name_plural': 'resource plans',
                'ordering': ['gpus', 'memory_bytes'],
            },
        ),
        migrations.CreateModel(
            name='Scenario',
            fields=[
                ('id', models.CharField(max_length=64, primary_key=True, serialize=False, verbose_name='id')),
                ('name', models.CharField(max_length=256, verbose_name='name')),
                ('description', models.TextField(blank=True, verbose_name='description')),
                ('labels', models.JSONField(blank=True, default=dict, verbose_name='labels')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created on')),
                ('changed_at', models.DateTimeField(auto_now=True, verbose_name='changed on')),
            ],
            options={
                'verbose_name': 'scenario',
                'verbose_name_plural': 'scenarios',
                'ordering': ['name', 'id'],
            },
        ),
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
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('username', models.CharField(error_messages={'unique': 'A user with that username already exists.'}, help_text='Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.', max_length=150, unique=True, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='username')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('role', models.CharField(choices=[('viewer', 'Viewer'), ('editor', 'Editor'), ('administrator', 'Administrator')], default='viewer', max_length=16, verbose_name='role')),
                ('all_groups', models.BooleanField(default=True, verbose_name='all resource groups')),
                ('theme', models.CharField(blank=True, max_length=16, verbose_name='appearance')),
                ('language', models.CharField(blank=True, max_length=8, verbose_name='language')),
                ('has_shortcuts', models.BooleanField(default=True, verbose_name='keyboard shortcuts')),
                ('deployment_columns', models.JSONField(blank=True, null=True, verbose_name='columns')),
                ('notified_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='notifications read on')),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
                'abstract': False,
            },
            managers=[
                ('objects', django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name='Configuration',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False, verbose_name='id')),
                ('name', models.CharField(max_length=256, verbose_name='name')),
                ('parameters', models.JSONField(blank=True, default=dict, verbose_name='parameters')),
                ('inputs', models.JSONField(blank=True, default=dict, verbose_name='input artifacts')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created on')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('executable', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='configurations', to='deployments.executable')),
            ],
            options={
                'verbose_name': 'configuration',
                'verbose_name_plural': 'configurations',
                'ordering': ['-created_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Deployment',
            fields=[
                ('id', models.CharField(default=deployments.models.deployment.new_deployment_id, editable=False, max_length=64, primary_key=True, serialize=False, verbose_name='id')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created on')),
                ('created_by', models.CharField(blank=True, max_length=256, verbose_name='created by')),
                ('ttl', models.CharField(blank=True, max_length=8, verbose_name='duration')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='running until')),
                ('target_status', models.CharField(choices=[('RUNNING', 'RUNNING'), ('STOPPED', 'STOPPED'), ('DELETED', 'DELETED')], default='RUNNING', max_length=16, verbose_name='target status')),
                ('generation', models.PositiveIntegerField(default=1, verbose_name='generation')),
                ('returns_on_failure', models.BooleanField(default=False, verbose_name='returns to the last running configuration')),
                ('last_operation', models.CharField(default='CREATE', max_length=16, verbose_name='last operation')),
                ('changed_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='changed on')),
                ('status', models.CharField(choices=[('UNKNOWN', 'UNKNOWN'), ('PENDING', 'PENDING'), ('RUNNING', 'RUNNING'), ('STOPPING', 'STOPPING'), ('STOPPED', 'STOPPED'), ('DEAD', 'DEAD')], default='UNKNOWN', max_length=16, verbose_name='status')),
                ('status_message', models.TextField(blank=True, verbose_name='status message')),
                ('status_severity', models.CharField(default='info', max_length=8, verbose_name='severity')),
                ('status_changed_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='status changed on')),
                ('observed_generation', models.PositiveIntegerField(default=0, verbose_name='observed generation')),
                ('serving_generation', models.PositiveIntegerField(blank=True, null=True, verbose_name='serving generation')),
                ('failed_generation', models.PositiveIntegerField(blank=True, null=True, verbose_name='failed generation')),
                ('submitted_at', models.DateTimeField(blank=True, null=True, verbose_name='submitted on')),
                ('started_at', models.DateTimeField(blank=True, null=True, verbose_name='running since')),
                ('completed_at', models.DateTimeField(blank=True, null=True, verbose_name='finished on')),
                ('proved_at', models.DateTimeField(blank=True, null=True, verbose_name='last proved on')),
                ('unseen_since', models.DateTimeField(blank=True, null=True, verbose_name='out of sight since')),
                ('lease_token', models.CharField(blank=True, editable=False, max_length=32)),
                ('lease_until', models.DateTimeField(blank=True, editable=False, null=True)),
                ('next_pass_at', models.DateTimeField(blank=True, default=django.utils.timezone.now, null=True, verbose_name='next pass')),
                ('revision', models.BigIntegerField(default=deployments.models.deployment.new_revision, editable=False)),
                ('configuration', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='deployments.configuration')),
                ('latest_running_configuration', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='deployments.configuration', verbose_name='latest running configuration')),
            ],
            options={
                'verbose_name': 'deployment',
                'verbose_name_plural': 'deployments',
                'ordering': ['-created_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Generation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='generation')),
                ('recipe', models.JSONField(default=dict, verbose_name='recipe')),
                ('replicas_wanted', models.PositiveIntegerField(default=1, verbose_name='replicas')),
                ('began_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='began on')),
                ('steps', models.JSONField(blank=True, default=dict, verbose_name='steps')),
                ('waiting', models.TextField(blank=True, verbose_name='waiting for')),
                ('proved_at', models.DateTimeField(blank=True, null=True, verbose_name='last proved on')),
                ('proof_failures', models.PositiveIntegerField(default=0, verbose_name='failed proofs in a row')),
                ('proof_message', models.TextField(blank=True, verbose_name='last proof')),
                ('proof_answer', models.TextField(blank=True, verbose_name='what the last proof asked and was answered')),
                ('draining_since', models.DateTimeField(blank=True, null=True, verbose_name='draining since')),
                ('outcome', models.CharField(blank=True, choices=[('', 'under way'), ('RUNNING', 'running'), ('FAILED', 'failed'), ('REPLACED', 'replaced'), ('STOPPED', 'stopped')], default='', max_length=16, verbose_name='outcome')),
                ('reason', models.TextField(blank=True, verbose_name='reason')),
                ('configuration', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='deployments.configuration')),
                ('deployment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='generations', to='deployments.deployment')),
            ],
            options={
                'verbose_name': 'generation',
                'verbose_name_plural': 'generations',
                'ordering': ['-number'],
            },
        ),
        migrations.CreateModel(
            name='Replica',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=96, unique=True, verbose_name='name')),
                ('number', models.PositiveIntegerField(verbose_name='replica')),
                ('host', models.CharField(blank=True, max_length=64, verbose_name='host')),
                ('port', models.PositiveIntegerField(default=0, verbose_name='port')),
                ('phase', models.CharField(blank=True, max_length=16, verbose_name='phase')),
                ('detail', models.TextField(blank=True, verbose_name='detail')),
                ('attempt', models.PositiveIntegerField(default=1, verbose_name='attempt')),
                ('restarts', models.PositiveIntegerField(default=0, verbose_name='restarts')),
                ('restart_at', models.DateTimeField(blank=True, null=True, verbose_name='restarts on')),
                ('launched_at', models.DateTimeField(blank=True, null=True, verbose_name='server first seen on')),
                ('healthy_since', models.DateTimeField(blank=True, null=True, verbose_name='healthy since')),
                ('unhealthy_since', models.DateTimeField(blank=True, null=True, verbose_name='unhealthy since')),
                ('recycled_because', models.TextField(blank=True, verbose_name='ended by the loop because')),
                ('cpu_millis', models.PositiveIntegerField(verbose_name='CPU (thousandths of a core)')),
                ('memory_bytes', models.PositiveBigIntegerField(verbose_name='memory (bytes)')),
                ('gpus', models.PositiveIntegerField(default=0, verbose_name='GPUs')),
                ('is_held', models.BooleanField(default=True, verbose_name='holds resources')),
                ('generation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='replicas', to='deployments.generation')),
            ],
            options={
                'verbose_name': 'replica',
                'verbose_name_plural': 'replicas',
                'ordering': ['generation', 'number'],
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='attempt')),
                ('started_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='started on')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended on')),
                ('step', models.CharField(blank=True, max_length=16, verbose_name='reached')),
                ('exit_reason', models.CharField(blank=True, max_length=16, verbose_name='reason')),
                ('exit_code', models.IntegerField(blank=True, null=True, verbose_name='exit code')),
                ('exit_signal', models.PositiveIntegerField(blank=True, null=True, verbose_name='signal')),
                ('message', models.TextField(blank=True, verbose_name='message')),
                ('first_error', models.TextField(blank=True, verbose_name='cause in the log')),
                ('first_error_at', models.DateTimeField(blank=True, null=True, verbose_name='cause written on')),
                ('replica', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='deployments.replica')),
            ],
            options={
                'verbose_name': 'attempt',
                'verbose_name_plural': 'attempts',
                'ordering': ['replica', 'number'],
            },
        ),
        migrations.CreateModel(
            name='ResourceGroup',
            fields=[
                ('id', models.SlugField(max_length=253, primary_key=True, serialize=False, verbose_name='id')),
                ('labels', models.JSONField(blank=True, default=dict, verbose_name='labels')),
                ('deployment_quota', models.PositiveIntegerField(blank=True, null=True, verbose_name='quota of deployments')),
                ('replica_quota', models.PositiveIntegerField(blank=True, null=True, verbose_name='quota of replicas per deployment')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created on')),
                ('deleting_since', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='being deleted since')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='resource_groups', to='deployments.connection')),
            ],
            options={
                'verbose_name': 'resource group',
                'verbose_name_plural': 'resource groups',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Draft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=32, verbose_name='wizard')),
                ('key', models.CharField(max_length=32, verbose_name='key')),
                ('values', models.JSONField(blank=True, default=dict, verbose_name='values')),
                ('changed_at', models.DateTimeField(auto_now=True, verbose_name='changed on')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='drafts', to=settings.AUTH_USER_MODEL)),
                ('resource_group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='deployments.resourcegroup')),
            ],
            options={
                'verbose_name': 'draft',
                'verbose_name_plural': 'drafts',
            },
        ),
        migrations.AddField(
            model_name='deployment',
            name='resource_group',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='deployments.resourcegroup'),
        ),
        migrations.AddField(
            model_name='configuration',
            name='resource_group',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='configurations', to='deployments.resourcegroup'),
        ),
        migrations.AddField(
            model_name='user',
            name='resource_groups',
            field=models.ManyToManyField(blank=True, to='deployments.resourcegroup', verbose_name='resource groups'),
        ),
        migrations.AddField(
            model_name='user',
            name='workspace',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='deployments.resourcegroup', verbose_name='chosen resource group'),
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64, verbose_name='name')),
                ('query', models.CharField(blank=True, max_length=2000, verbose_name='filters')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'saved view',
                'verbose_name_plural': 'saved views',
                'ordering': ['name'],
            },
        ),
        migrations.AddField(
            model_name='executable',
            name='scenario',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='executables', to='deployments.scenario'),
        ),
        migrations.AddField(
            model_name='configuration',
            name='scenario',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='configurations', to='deployments.scenario'),
        ),
        migrations.CreateModel(
            name='Artifact',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False, verbose_name='id')),
                ('name', models.CharField(max_length=256, verbose_name='name')),
                ('kind', models.CharField(choices=[('model', 'Model'), ('dataset', 'Dataset'), ('resultset', 'Result set'), ('other', 'Other')], max_length=16, verbose_name='kind')),
                ('url', models.CharField(max_length=1024, verbose_name='URL')),
                ('description', models.TextField(blank=True, max_length=5000, verbose_name='description')),
                ('labels', models.JSONField(blank=True, default=dict, verbose_name='labels')),
                ('size', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='size (bytes)')),
                ('sha256', models.CharField(blank=True, max_length=64, verbose_name='checksum (SHA-256)')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created on')),
                ('changed_at', models.DateTimeField(auto_now=True, verbose_name='changed on')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('resource_group', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='artifacts', to='deployments.resourcegroup')),
                ('scenario', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='artifacts', to='deployments.scenario')),
            ],
            options={
                'verbose_name': 'artifact',
                'verbose_name_plural': 'artifacts',
                'ordering': ['-created_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Secret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=252, verbose_name='name')),
                ('keys', models.JSONField(default=list, verbose_name='keys')),
                ('labels', models.JSONField(blank=True, default=dict, verbose_name='labels')),
                ('sealed', models.TextField(editable=False, verbose_name='values (encrypted)')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='created on')),
                ('changed_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='changed on')),
                ('resource_group', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='secrets', to='deployments.resourcegroup', verbose_name='resource group')),
            ],
            options={
                'verbose_name': 'secret',
                'verbose_name_plural': 'secrets',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='ServiceKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.CharField(max_length=128, unique=True, verbose_name='client id')),
                ('secret_hash', models.CharField(editable=False, max_length=64, verbose_name='secret (hashed)')),
                ('name', models.CharField(blank=True, max_length=128, verbose_name='name')),
                ('role', models.CharField(choices=[('viewer', 'Viewer'), ('editor', 'Editor'), ('administrator', 'Administrator')], default='editor', max_length=16, verbose_name='role')),
                ('all_groups', models.BooleanField(default=True, verbose_name='all resource groups')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created on')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='expires on')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked on')),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last used on')),
                ('resource_groups', models.ManyToManyField(blank=True, to='deployments.resourcegroup', verbose_name='resource groups')),
            ],
            options={
                'verbose_name': 'service key',
                'verbose_name_plural': 'service keys',
                'ordering': ['name', 'client_id'],
            },
        ),
        migrations.CreateModel(
            name='SignInLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('expires_at', models.DateTimeField(verbose_name='expires on')),
                ('used_at', models.DateTimeField(blank=True, null=True, verbose_name='used on')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sign_in_links', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'sign-in link',
                'verbose_name_plural': 'sign-in links',
            },
        ),
        migrations.CreateModel(
            name='DeploymentEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='time')),
                ('generation', models.PositiveIntegerField(verbose_name='generation')),
                ('status', models.CharField(choices=[('UNKNOWN', 'UNKNOWN'), ('PENDING', 'PENDING'), ('RUNNING', 'RUNNING'), ('STOPPING', 'STOPPING'), ('STOPPED', 'STOPPED'), ('DEAD', 'DEAD')], max_length=16, verbose_name='status')),
                ('severity', models.CharField(choices=[('info', 'Information'), ('warning', 'Warning'), ('error', 'Error')], default='info', max_length=8, verbose_name='severity')),
                ('code', models.CharField(max_length=32, verbose_name='code')),
                ('message', models.TextField(verbose_name='message')),
                ('actor', models.CharField(blank=True, max_length=256, verbose_name='by')),
                ('deployment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='deployments.deployment')),
            ],
            options={
                'verbose_name': 'deployment event',
                'verbose_name_plural': 'deployment events',
                'ordering': ['-at', '-id'],
                'indexes': [models.Index(fields=['deployment', '-at'], name='event_newest')],
            },
        ),
        migrations.AddConstraint(
            model_name='generation',
            constraint=models.UniqueConstraint(fields=('deployment', 'number'), name='generation_once'),
        ),
        migrations.AddIndex(
            model_name='replica',
            index=models.Index(fields=['is_held'], name='replica_held'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.UniqueConstraint(fields=('replica', 'number'), name='attempt_once'),
        ),
        migrations.AddConstraint(
            model_name='draft',
            constraint=models.UniqueConstraint(fields=('user', 'kind', 'key'), name='one_draft_per_window'),
        ),
        migrations.AddIndex(
            model_name='deployment',
            index=models.Index(fields=['resource_group', '-created_at'], name='deployment_newest'),
        ),
        migrations.AddIndex(
            model_name='deployment',
            index=models.Index(fields=['resource_group', 'status'], name='deployment_status'),
        ),
        migrations.AddIndex(
            model_name='deployment',
            index=models.Index(fields=['next_pass_at'], name='deployment_due'),
        ),
        migrations.AddIndex(
            model_name='deployment',
            index=models.Index(fields=['resource_group', 'revision'], name='deployment_revision'),
        ),
        migrations.AddIndex(
            model_name='deployment',
            index=models.Index(fields=['created_by'], name='deployment_creator'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(fields=('user', 'name'), name='one_view_of_a_name'),
        ),
        migrations.AddIndex(
            model_name='configuration',
            index=models.Index(fields=['resource_group', '-created_at'], name='configuration_newest'),
        ),
        migrations.AddIndex(
            model_name='artifact',
            index=models.Index(fields=['resource_group', '-created_at'], name='artifact_newest'),
        ),
        migrations.AddConstraint(
            model_name='secret',
            constraint=models.UniqueConstraint(fields=('resource_group', 'name'), name='one_secret_per_name'),
        ),
        migrations.AddConstraint(
            model_name='secret',
            constraint=models.UniqueConstraint(condition=models.Q(('resource_group', None)), fields=('name',), name='one_shared_secret_per_name'),
        ),
    ]
