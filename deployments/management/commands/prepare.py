"""`manage.py prepare`: brings the installation up to date, then prints one line of JSON for `up.py`.

Runs at every start before anything else does, so each step looks first whether there is anything to do. The answer
goes through a pipe and not into a file, because it holds the sign-in link.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.checks import ERROR
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from deployments import checks
from deployments.auth import tokens
from deployments.bootstrap import samples, seed
from deployments.errors import GatewayRejected, GatewayUnavailable, RuntimeUnavailable
from deployments.gateway import sync, tls
from deployments.models import Role, ServiceKey, SignInLink, User
from deployments.runtimes.registry import drivers
from launchpad import health, programs
from launchpad.translations import compile_translations


class Command(BaseCommand):
    help = "Bring database, files and keys up to date, and write the supervisor's configuration."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self._check()
        self._migrate()
        home = Path(settings.LAUNCHPAD_HOME)
        compile_translations(home)
        _collect_static()
        seed.ensure_workspace()
        seed.ensure_catalog()
        _prepare_runtimes()
        user = _ensure_administrator(home)
        _ensure_service_key(home)
        try:
            certificate = tls.ensure(home)
            tokens.ensure_key()
            sync.ensure_config()
            gateway = sync.command()
        except (GatewayRejected, GatewayUnavailable) as error:
            raise CommandError(str(error)) from error
        self._write_programs(home, gateway)
        facts = {
            "sign_in_url": f"{settings.LAUNCHPAD_URL}/sign-in/{SignInLink.issue(user)}/",
            "user": user.get_username(),
            "inference_url": f"https://{settings.LAUNCHPAD_GATEWAY_HOST}:{settings.LAUNCHPAD_GATEWAY_PORT}",
            "authority": "" if settings.LAUNCHPAD_TLS_CERT else str(certificate.trusted),
            "health": health.address(settings.LAUNCHPAD_BIND, settings.LAUNCHPAD_PORT, settings.LAUNCHPAD_URL),
        }
        self.stdout.write(json.dumps(facts))

    def _check(self) -> None:
        messages = checks.check_settings(None)
        problems = [f"{message.msg} {message.hint}" for message in messages]
        if any(message.level >= ERROR for message in messages):
            raise CommandError("\n".join(problems))
        for problem in problems:
            self.stderr.write(problem)

    def _migrate(self) -> None:
        database = connection.settings_dict
        if connection.vendor == "sqlite":
            _touch_private(Path(database["NAME"]))
        try:
            executor = MigrationExecutor(connection)
        except OperationalError as error:
            raise CommandError(
                f"The database cannot be reached, check DATABASE_URL: {str(error).splitlines()[0]}."
            ) from error
        first = executor.loader.replacements.get(("deployments", "0001_tables"))
        applied = executor.loader.applied_migrations
        if first is not None and any(one in applied for one in first.replaces) and first.replaces[-1] not in applied:
            raise CommandError(
                "The database was made by a build that is too old for this one to upgrade. Start a build of between "
                "the two on it first, or give this one an empty LAUNCHPAD_HOME."
            )
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", verbosity=0, interactive=False)

    def _write_programs(self, home: Path, gateway: list[str]) -> None:
        chosen = programs.programs(
            home,
            tuple(gateway),
            valkey=programs.find_valkey() if settings.BROKER_IS_EMBEDDED else None,
            samples=settings.LAUNCHPAD_SAMPLES and not samples.are_prepared(),
        )
        (home / "run" / "supervisord.conf").write_text(programs.render(home, chosen))


def _collect_static() -> None:
    """Collect the static files if one of them has changed."""
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    note = Path(settings.LAUNCHPAD_HOME) / "run" / "static-files"
    if not note.exists() or note.read_text() != digest.hexdigest():
        call_command("collectstatic", verbosity=0, interactive=False, clear=True)
        note.write_text(digest.hexdigest())


def _prepare_runtimes() -> None:
    """Let each kind of runtime prepare what all its servers need, so that a problem is reported at the start."""
    try:
        for driver in drivers():
            driver.prepare()
    except RuntimeUnavailable as error:
        raise CommandError(str(error)) from error


def _ensure_administrator(home: Path) -> User:
    """Return the first administrator, created with a random password at the first start."""
    user = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if user is not None:
        return user
    name = "admin"
    if User.objects.filter(username=name).exists():
        name = f"admin-{secrets.token_hex(2)}"
    password = secrets.token_urlsafe(18)
    with transaction.atomic():
        user = User.objects.create_superuser(username=name, password=password)
        _write_private(home / "admin-password", f"{password}\n")
    return user


def _ensure_service_key(home: Path) -> None:
    """Issue the first service key, in the file format of clients of the AI API.

    It may do what the service key of SAP AI Core may, which makes resource groups and secrets, too; whoever can read
    its file can read the administrator's password beside it.
    """
    if ServiceKey.objects.exists():
        return
    from deployments.operations.service_keys import (  # as late as in seed.py
        issue_service_key,
        service_key_file,
    )

    with transaction.atomic():
        issued = issue_service_key(seed.ACTOR, name="service-key.json", role=Role.ADMINISTRATOR)
        _write_private(home / "service-key.json", json.dumps(service_key_file(issued), indent=2) + "\n")


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    _touch_private(path)
    path.write_text(text)


def _touch_private(path: Path) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
