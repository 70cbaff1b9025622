"""Converts a ReplicaSpec to the spec.json of a shim, with paths, port and environment variables."""

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
from deployments.runtimes.local.limits import MAX_TASKS
from deployments.runtimes.local.reading import HOST
from deployments.runtimes.placeholders import filled
from deployments.runtimes.preparation.cache import artifact_folder, scope_of
from deployments.runtimes.preparation.environment import is_built
from deployments.runtimes.preparation.jobs import Preparation
from deployments.runtimes.preparation.rights import Rights, rights_for
from deployments.runtimes.preparation.sandbox import SandboxSettings
from deployments.storage.artifacts import ArtifactMissing, ArtifactStore


@dataclass(frozen=True, kw_only=True)
class LaunchSpecBuilder:
    """Builds spec.json from the folders, programs and users of this machine (see `LocalRuntime`)."""

    home: Path
    run_as: str
    store: ArtifactStore
    python: str
    uv: str
    control_groups: bool
    sandbox: SandboxSettings

    def rights(self) -> Rights:
        """Return the rights of servers and of what is prepared for them.

        Raises:
            RightsRefused: they are not possible here, so no server may be started.
        """
        return rights_for(self.run_as, self.home, self.python, self.sandbox)

    def preparation(self) -> Preparation:
        """Return what creates the jobs of `prepare.py`.

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
        work = _work_folder(folder, preparation.rights)
        environment = self._environment(spec, preparation)
        visible = [*targets.values(), *([environment] if environment else [])]
        ports = [port, *([spec.health_check.port] if spec.health_check and spec.health_check.port else [])]
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
            "rights": asdict(preparation.rights.showing(*visible, writable=[work], ports=ports)),
            "control_groups": self.control_groups,
            "max_tasks": MAX_TASKS,
        }

    def _environment(self, spec: ReplicaSpec, preparation: Preparation) -> Path | None:
        """Return the folder of the environment: the shared one if it exists, else that of the resource group."""
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
        # An existing one is kept as long as it is in the specification of a server.
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
        """Return the path of an artifact, which may still have to be downloaded.

        Raises:
            RuntimeRejected: it is outside of the allowed folders, or belongs to another artifact.
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


def _work_folder(folder: Path, rights: Rights) -> Path:
    """Return the folder that a server of an attempt works in, made for the user that it runs as."""
    work = folder / "work"
    work.mkdir(mode=0o700, exist_ok=True)
    if rights.user:
        os.chown(work, *rights.user)
        for passed in (folder, *folder.parents[:2]):
            passed.chmod(0o711)  # independent of the umask; needed only without mount namespaces
    return work
