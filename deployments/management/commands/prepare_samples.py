"""`manage.py prepare_samples`: builds the built-in templates' environments, trains the sample models, loads them.

Runs in the background at the first start of a version. It reports its progress as events, which the terminal shows. If
it fails (e.g. without a package index), the next start tries again.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deployments.bootstrap import samples
from deployments.errors import RuntimeUnavailable
from deployments.models import Executable
from deployments.runtimes import messages
from deployments.runtimes.local.options import everything_here
from deployments.runtimes.preparation.environment import is_built
from deployments.runtimes.preparation.jobs import Preparation
from deployments.runtimes.preparation.rights import RightsRefused
from deployments.serving_template.modules import DISTRIBUTION

terminal = logging.getLogger("launchpad.events")


class Command(BaseCommand):
    help = "Prepare what the built-in templates need and load the sample models."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        os.nice(10)  # pages and deployments have priority
        built_in = {
            one.pk: one
            for one in Executable.objects.filter(built_in=True).order_by("pk")
            if not any("{{" in line for line in one.template.server.requirements)  # not dependent on a configuration
        }
        try:
            self._prepare_environment("light servers", (DISTRIBUTION,))
            trainer = built_in.pop(samples.TRAINER_EXECUTABLE)
            environment = self._prepare_environment(trainer.name, trainer.template.server.requirements)
            if not samples.are_loaded():
                self._train(environment)
                samples.load()
                terminal.info("Sample models are ready.")
            for executable in built_in.values():
                self._prepare_environment(executable.name, executable.template.server.requirements)
        except (CommandError, RightsRefused, RuntimeUnavailable) as error:
            terminal.error("%s The next start tries again; see log/first-start.log.", error)
            raise
        samples.mark_prepared()

    def _prepare_environment(self, name: str, requirements: tuple[str, ...]) -> Path:
        """Build the environment of servers that is everybody's; return its folder."""
        preparation = everything_here().preparation()
        folder = preparation.environment_folder(requirements)
        if requirements and not is_built(folder):
            terminal.info("Preparing the environment of the %s ...", name)
            job = preparation.environment(folder, requirements)
            self._run(preparation, job, f"The environment of the {name} cannot be built")
        return folder

    def _train(self, environment: Path) -> None:
        terminal.info("Training the sample models ...")
        preparation = everything_here().preparation()
        folder = samples.folder()
        draft = folder.with_name(f"{folder.name}.new")
        command = [str(environment / "bin" / "python"), "-I", "-m", samples.TRAINER, str(draft)]
        job = preparation.made_by(command, draft, folder, visible=[environment])
        self._run(preparation, job, "The sample models cannot be trained")

    def _run(self, preparation: Preparation, job: dict[str, Any], failure: str) -> None:
        """Run a job, copy its output to our log, and fail with its last line."""
        process = subprocess.Popen(
            preparation.command(Path("/dev/stdin"), 0),
            env={"PATH": os.defpath},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if process.stdin is not None:
            with process.stdin as pipe:
                json.dump({"prepare": [{"job": job}]}, pipe)
        last = ""
        for line in process.stdout or ():
            text = messages.english(messages.read_line(line.strip(), len(line)))
            last = text or last
            self.stdout.write(text)
        if process.wait():
            raise CommandError(f"{failure}: {last or f'exit code {process.returncode}'}.")
