"""`manage.py prepare_samples`: builds the built-in templates' environments, trains the sample models, loads them.

Runs beside the other programs at the first start, so that nobody waits for it. It tells of its progress by events,
which the terminal shows. When it fails (no package index, say) the next start tries again.
"""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deployments import samples
from deployments.connections import local_runtime
from deployments.models import Executable
from deployments.runtimes.local.environment import is_built

terminal = logging.getLogger("launchpad.events")


class Command(BaseCommand):
    help = "Prepare what the built-in templates need and load the sample models."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        os.nice(10)  # pages and deployments come first
        built_in = {one.pk: one for one in Executable.objects.filter(built_in=True).order_by("pk")}
        try:
            trainer = self._prepare_environment(built_in.pop(samples.TRAINER_EXECUTABLE))
            self._train(trainer)
            samples.load()
            terminal.info("Sample models are ready.")
            for executable in built_in.values():
                self._prepare_environment(executable)
        except CommandError as error:
            terminal.error("%s The next start tries again; see log/first-start.log.", error)
            raise
        samples.note_loaded()

    def _prepare_environment(self, executable: Executable) -> Path:
        """Build the environment of a template's servers; return its folder."""
        requirements = executable.template.server.requirements
        command, folder = local_runtime().environment_command(requirements)
        depends_on_configuration = any("{{" in line for line in requirements)
        if requirements and not depends_on_configuration and not is_built(folder):
            terminal.info("Preparing the environment of the %s ...", executable.name)
            environment = local_runtime().builder_environment()
            self._run(command, environment, f"The environment of the {executable.name} cannot be built")
        return folder

    def _train(self, environment: Path) -> None:
        terminal.info("Training the sample models ...")
        samples.folder().mkdir(parents=True, exist_ok=True)
        command = [str(environment / "bin" / "python"), "-I", str(samples.TRAINER), str(samples.folder())]
        self._run(command, {"PATH": os.defpath}, "The sample models cannot be trained")

    def _run(self, command: Sequence[str], env: Mapping[str, str], failure: str) -> None:
        """Run a command, show what it prints in our log, and fail with its last line."""
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        last = ""
        for line in process.stdout or ():
            last = line.strip() or last
            self.stdout.write(line.rstrip())
        if process.wait():
            raise CommandError(f"{failure}: {last or f'exit code {process.returncode}'}.")
