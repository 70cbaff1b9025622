"""`manage.py import_template FILE...`: import deployment templates; known ones are updated in place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from deployments.models import Actor, Role
from deployments.operations import import_templates
from deployments.runtimes.terminal import plain
from deployments.serving_template import TemplateInvalid


class Command(BaseCommand):
    help = "Import deployment templates (ServingTemplate YAML). Each file is imported whole or not at all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")

    def handle(self, *args: Any, files: list[Path], **options: Any) -> None:
        actor = Actor(name="import_template", role=Role.ADMINISTRATOR)
        failed = [path for path in files if not self._import(actor, path)]
        if failed:
            raise CommandError(f"Not imported: {', '.join(map(str, failed))}.")

    def _import(self, actor: Actor, path: Path) -> bool:
        try:
            imported = import_templates(actor, path.read_text(encoding="utf-8"), filename=str(path))
        except (OSError, UnicodeDecodeError) as error:
            self.stderr.write(f"{path} cannot be read: {error}")
            return False
        except TemplateInvalid as error:
            self.stderr.write(plain(str(error)))
            return False
        for one in imported:
            word = "Imported" if one.created else "Updated"
            where = f"(scenario {one.executable.scenario_id}) from {path}"
            self.stdout.write(plain(f"{word} {one.executable.pk} {where}."))  # ids come from the file
            if one.warning:
                self.stderr.write(self.style.WARNING(plain(f"{one.executable.pk}: {one.warning}")))
        return True
