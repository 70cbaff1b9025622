"""From a ReplicaSpec to the file that a shim works from: paths, port and environment filled in."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deployments.errors import RuntimeRejected
from deployments.messages import Message
from deployments.runtimes import messages
from deployments.runtimes.addresses import file_name
from deployments.runtimes.base import ArtifactSource, HealthCheck, ReplicaSpec
from deployments.runtimes.local.reading import HOST
from deployments.runtimes.placeholders import filled
from deployments.runtimes.preparation.cache import artifact_folder, scope_of
from deployments.runtimes.preparation.environment import is_built
from deployments.runtimes.preparation.jobs import Preparation
from deployments.runtimes.preparation.rights import Rights, rights_for
from deployments.storage.artifacts import ArtifactMissing, ArtifactStore


@dataclass(frozen=True, kw_only=True)
class LaunchSpecBuilder:
    """Knows the machine's folders, programs and users; see `LocalRuntime` for what each is."""

    home: Path
    run_as: str
    store: ArtifactStore
    python: str
    uv: str
    control_groups: bool

    def rights(self) -> Rights:
        """Return the rights of servers and of what is prepared for them.

        Raises:
            RightsRefused: they cannot be had, so that nothing may be run.
        """
        return rights_for(self.run_as, self.home, self.python)

    def preparation(self) -> Preparation:
        """Return what makes the jobs of `prepare.py`.

        Raises:
            RightsRefused: see `rights`.
        """
        return Preparation(home=self.home, rights=self.rights(), python=self.python, uv=self.uv)

    def spec_file(self, spec: ReplicaSpec, folder: Path, port: int) -> dict[str, Any]:
        """Return the content of `spec.json`.

        Raises:
            RuntimeRejected: an artifact lies where none may be taken from, a placeholder has no artifact, or the
                server would have more rights than it should.
        """
        preparation = self.preparation()
        targets = {fetch.placeholder: self._target(fetch, spec.resource_group) for fetch in spec.fetches}
        work = folder / "work"
        work.mkdir(mode=0o700, exist_ok=True)
        if preparation.rights.user:
            os.chown(work, *preparation.rights.user)
            for passed in (folder, *folder.parents[:2]):
                passed.chmod(0o711)  # whatever the umask is; only needed where there are no mount namespaces
        environment = self._environment(spec, preparation)
        visible = [work, *targets.values(), *([environment] if environment else [])]
        jobs = self._jobs(spec, preparation, environment, targets)
        return {
            "name": spec.name,
            "attempt": spec.attempt,
            "at": time.time(),
            "port": port,
            "health_path": spec.health_path,
            "health_check": asdict(spec.health_check) if spec.health_check else None,
            "prepare": [
                step | {"command": preparation.command(folder / "spec.json", number)}
                for number, step in enumerate(jobs)
            ],
            "command": [filled(item, port=port, artifacts=targets) for item in (*spec.command, *spec.args)],
            "env": self._server_environment(spec, work, environment, port)
            | {name: filled(value, port=port, artifacts=targets) for name, value in spec.env.items()},
            "cwd": str(work),
            "cpu_millis": spec.resources.cpu_millis,
            "memory_bytes": spec.resources.memory_bytes,
            "grace_seconds": spec.grace_seconds,
            "rights": asdict(preparation.rights.showing(*visible)),
            "control_groups": self.control_groups,
        }

    def _environment(self, spec: ReplicaSpec, preparation: Preparation) -> Path | None:
        """Return the folder of the server's environment: everybody's if there is one, else its resource group's."""
        if not spec.requirements:
            return None
        shared = preparation.environment_folder(spec.requirements)
        if spec.shares_environment or is_built(shared):
            return shared
        return preparation.environment_folder(spec.requirements, scope_of(spec.resource_group))

    def _jobs(
        self, spec: ReplicaSpec, preparation: Preparation, environment: Path | None, targets: dict[str, Path]
    ) -> list[dict[str, Any]]:
        steps = []
        # One that is there stays for as long as the specification of a server names it.
        if environment is not None and not is_built(environment):
            scope = "" if spec.shares_environment else scope_of(spec.resource_group)
            job = preparation.environment(environment, spec.requirements, scope)
            failure = messages.message(messages.ENVIRONMENT_NOT_BUILT)
            steps.append({"phase": "PREPARING", "job": job, "failure": failure})
        for fetch in spec.fetches:
            job = preparation.fetching(fetch, targets[fetch.placeholder])
            failure = messages.message(messages.ARTIFACT_NOT_FETCHED, name=fetch.placeholder)
            steps.append({"phase": "FETCHING", "job": job, "failure": failure})
        return steps

    def _target(self, fetch: ArtifactSource, resource_group: str) -> Path:
        """Return where an artifact lies or will lie.

        Raises:
            RuntimeRejected: a file outside of the allowed folders, or somebody else's.
        """
        if not fetch.is_in_store:
            return self.artifact_folder(fetch, resource_group) / file_name(fetch.url)
        try:
            return self.store.resolve(fetch.url, owner=fetch.folder)
        except ArtifactMissing as error:
            raise RuntimeRejected(Message(messages.ARTIFACT_OUTSIDE, {"name": fetch.placeholder})) from error

    def artifact_folder(self, fetch: ArtifactSource, resource_group: str) -> Path:
        """Return the folder of a download, which no other resource group shares."""
        return artifact_folder(self.home / "cache" / "artifacts", fetch, resource_group)

    def _server_environment(
        self, spec: ReplicaSpec, work: Path, environment: Path | None, port: int
    ) -> dict[str, str]:
        own = [str(environment / "bin")] if environment else [str(Path(self.python).parent)]
        threads = str(max(1, spec.resources.cpu_millis // 1000))
        return {
            "PATH": os.pathsep.join([*own, "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(work),
            "TMPDIR": str(work),
            "LANG": "C.UTF-8",
            "HOST": HOST,
            "PORT": str(port),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
        }


def health_check_of(content: Mapping[str, Any]) -> HealthCheck:
    """Return how a server is asked for its health, of the content of a `spec.json`, also of an older version's."""
    if check := content.get("health_check"):
        return HealthCheck(**check)
    return HealthCheck(path=content["health_path"])
