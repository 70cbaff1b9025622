"""The runtime of this machine: replicas are processes, their state is in files that the shims write.

The driver itself has no state: each answer is read from the files and compared with the running processes. So several
processes of Launchpad can use it at the same time.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from deployments.errors import RuntimeRejected, RuntimeUnavailable
from deployments.lifecycle import ReplicaPhase
from deployments.messages import Message
from deployments.runtimes.base import ArtifactSource, LogLine, Node, Owner, ReplicaSpec, ReplicaStatus, Resources
from deployments.runtimes.health_checks import HealthChecks
from deployments.runtimes.local import logs, machine, messages, reading, sockets
from deployments.runtimes.local.attempt_files import is_stop_requested, read_json, write_atomically
from deployments.runtimes.local.limits import end_groups
from deployments.runtimes.local.ownership import is_owned, note_owner
from deployments.runtimes.local.ports import choose_port
from deployments.runtimes.local.spec import LaunchSpecBuilder, health_check_of
from deployments.runtimes.messages import REPLICA_OF_ANOTHER
from deployments.runtimes.preparation import cache
from deployments.runtimes.preparation.jobs import Preparation
from deployments.runtimes.preparation.sandbox import DEFAULT, SandboxSettings
from deployments.runtimes.processes import is_alive
from deployments.runtimes.wheel import digest
from deployments.storage.artifacts import LocalArtifactStore

NODE = "localhost"  # not the name of the machine, which may change while its servers run
SHIM = Path(__file__).with_name("shim.py")
SETTLING_SECONDS = 3.0  # from the start until other open ports are reported: servers open some temporarily
SHIM_SECONDS = 8.0  # for the start of a shim; a call may take ten


@contextmanager
def _usable() -> Iterator[None]:
    """Convert OSError to RuntimeUnavailable (also as a decorator).

    Raises:
        RuntimeUnavailable: the disk is full, a folder may not be written, processes cannot be started ...
    """
    try:
        yield
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        raise RuntimeUnavailable(
            Message(messages.RUNTIME_BROKEN, {"error": f"{error.strerror or error}{where}"})
        ) from error


class LocalRuntime:
    """Runs replicas as processes of this machine (the contract is `base.Runtime`).

    Args:
        home: LAUNCHPAD_HOME; state is kept in `replicas`, environments in `envs`, downloads in `cache`.
        owner: owner of the replicas that it starts and returns; None for all replicas in the home.
        capacity: what replicas may be placed on; None for the machine, less a reserve.
        run_as: user that servers, and what is prepared for them, run as when we are root; "root" insists on root.
        allowed_roots: folders that `file://` artifacts may be in, besides what was uploaded.
        python: interpreter that environments are made from.
        uv: the program that builds environments.
        control_groups: enforce memory limits by control groups where we may create them, else by polling.
        sandbox: what the settings say about the sandbox around servers.
    """

    def __init__(
        self,
        *,
        home: Path,
        owner: Owner | None = None,
        capacity: Resources | None = None,
        run_as: str = "nobody",
        allowed_roots: Sequence[Path] = (),
        python: str = sys.executable,
        uv: str = "",
        control_groups: bool = True,
        sandbox: SandboxSettings = DEFAULT,
    ) -> None:
        home = home.resolve()  # paths that are hidden from servers are compared without symbolic links
        self.home = home
        self._replicas = home / "replicas"
        self._owner = owner
        self._capacity = capacity or machine.capacity()
        self._spec_builder = LaunchSpecBuilder(
            home=home,
            run_as=run_as,
            store=LocalArtifactStore(home, allowed_roots),
            python=os.path.realpath(python),
            uv=uv or str(Path(sys.executable).with_name("uv")),
            control_groups=control_groups,
            sandbox=sandbox,
        )
        self._usage = machine.Usage()
        self._exposure = sockets.Exposure()
        self._checks = HealthChecks()

    def nodes(self) -> Sequence[Node]:
        """Return this machine, with what the connection has of it."""
        return [Node(name=NODE, resources=self._capacity)]

    # --- start and stop -----------------------------------------------------------------------------------------

    @_usable()
    def start(self, spec: ReplicaSpec) -> None:
        """Write spec.json and start the shim that runs it.

        Raises:
            RuntimeRejected: an artifact lies where none may be taken from, the server would have more rights than it
                should, or another connection has a replica of this name.
        """
        replica = self._replicas / spec.name
        if not is_owned(replica, self._owner):
            raise RuntimeRejected(Message(REPLICA_OF_ANOTHER, {"replica": spec.name}))
        folder = replica / f"attempt-{spec.attempt}"
        if is_stop_requested(str(replica), spec.attempt) or (folder / "state.json").exists():
            return
        if any(number > spec.attempt for number, _ in reading.attempts(replica)):
            return
        folder.mkdir(parents=True, exist_ok=True)
        if self._owner is not None:
            note_owner(replica, self._owner)
        with choose_port(self._replicas, replica, spec.attempt) as port:
            if read_json(str(folder / "spec.json")) is None:
                content = self._spec_builder.spec_file(spec, folder, port)
                write_atomically(str(folder / "spec.json"), json.dumps(content))
        self._start_shim(folder, spec.secret_env)

    def _start_shim(self, folder: Path, secrets: dict[str, str]) -> None:
        # The shim daemonizes at once, so this waits about 20 ms. It gets none of our environment variables; those that
        # installers need are in their jobs. Of several shims of one attempt only the first runs it. Secrets are passed
        # through a pipe and never written to a disk.
        try:
            subprocess.run(
                [sys.executable, "-I", "-S", "-E", str(SHIM), str(folder)],
                env={"PATH": os.defpath},
                input=json.dumps(secrets),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                timeout=SHIM_SECONDS,
                check=True,
                text=True,
                errors="replace",
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeUnavailable(Message(messages.SHIM_SLOW, {"limit_seconds": SHIM_SECONDS})) from error
        except subprocess.CalledProcessError as error:
            why = (error.stderr.strip() or f"it ended with {error.returncode}").splitlines()[-1]
            raise RuntimeUnavailable(Message(messages.SHIM_NOT_STARTED, {"error": why})) from error

    @_usable()
    def stop(self, name: str, attempt: int) -> None:
        """Stop an attempt, also one whose shim is just being started."""
        replica = self._replicas / name
        try:
            replica.stat()
        except FileNotFoundError:
            return
        if not is_owned(replica, self._owner):
            return
        if not is_stop_requested(str(replica), attempt):
            write_atomically(str(replica / "stop"), str(attempt))
        # Either the shim finds the file `stop` when it begins, or its state already exists.
        for number, folder in reading.attempts(replica):
            state = read_json(str(folder / "state.json"))
            if number <= attempt and state is not None and "exit" not in state and is_alive(state["shim"]):
                with suppress(ProcessLookupError):  # it has ended meanwhile
                    os.kill(state["shim"][0], signal.SIGTERM)

    @_usable()
    def delete(self, name: str) -> None:
        """Remove the state and logs of a replica that has exited."""
        replica = self._replicas / name
        if not is_owned(replica, self._owner):
            return
        if (last := reading.inspect(replica)) is not None and last.phase is not ReplicaPhase.EXITED:
            return  # it still runs
        for number, _ in reading.attempts(replica):
            end_groups(name, number)
        forgotten = self.home / "forgotten"
        forgotten.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileNotFoundError):
            # Renamed first, so that a partly removed folder is not taken for a lost server.
            replica.rename(Path(tempfile.mkdtemp(dir=forgotten)) / name)
        shutil.rmtree(forgotten, ignore_errors=True)  # the next call removes the rest

    # --- looking ------------------------------------------------------------------------------------------------

    @_usable()
    def get(self, deployment_id: str, *, probe: bool = True) -> Sequence[ReplicaStatus]:
        """Return the replicas of one deployment with their usage; check their health unless `probe` is False."""
        statuses = [self._measured(status) for status in self._inspect(f"{deployment_id}-")]
        if not probe:
            return statuses
        probed = [index for index, status in enumerate(statuses) if status.phase in _PROBED]
        if len(probed) == 1:
            answers = [self._probe(statuses[probed[0]])]
        else:
            with ThreadPoolExecutor(max_workers=max(1, min(8, len(probed)))) as threads:
                answers = list(threads.map(self._probe, [statuses[index] for index in probed]))
        for index, answer in zip(probed, answers, strict=True):
            statuses[index] = answer
        return statuses

    @_usable()
    def list_all(self) -> Sequence[ReplicaStatus]:
        """Return every replica of this connection, without asking the servers."""
        return list(self._inspect(""))

    @_usable()
    def logs(
        self,
        deployment_id: str,
        *,
        limit: int = 1000,
        cursor: str = "",
        start: datetime | None = None,
        end: datetime | None = None,
        newest_first: bool = False,
        replica: str = "",
        attempt: int | None = None,
    ) -> Sequence[LogLine]:
        """Return the first log lines of a deployment (start <= at < end), or those after a cursor."""
        attempts = (
            entry
            for entry in self._attempts(deployment_id)
            if (not replica or entry[0] == replica) and (attempt is None or entry[1] == attempt)
        )
        return logs.read(attempts, limit=limit, cursor=cursor, start=start, end=end, newest_first=newest_first)

    @_usable()
    def unfinished_lines(self, deployment_id: str) -> Sequence[LogLine]:
        """Return the last lines of running servers that have no line end yet."""
        return [line for attempt in self._attempts(deployment_id) for line in logs.unfinished(*attempt)]

    def _attempts(self, deployment_id: str) -> Iterator[tuple[str, int, Path]]:
        for replica in self._dirs(f"{deployment_id}-"):
            for number, folder in reading.attempts(replica):
                yield replica.name, number, folder

    @_usable()
    def remove_unused(self, groups: Iterable[str], artifacts: Iterable[tuple[str, ArtifactSource]]) -> int:
        """Remove downloads of other artifacts, builds of other groups, and environments of other versions."""
        folders = [self._spec_builder.artifact_folder(fetch, group) for group, fetch in artifacts]
        downloads = cache.remove_unused(self.home / "cache" / "artifacts", folders, self._specs_in_use)
        envs = self.home / "envs"
        built = cache.remove_of_other_groups((envs, self.home / "cache" / "builds"), groups, self._specs_in_use)
        old = cache.remove_of_other_versions(envs, self.home / "wheels", digest(), self._specs_in_use)
        return len([*downloads, *built, *old])

    def _specs_in_use(self) -> list[str]:
        return list(reading.specs_in_use(self._replicas))

    def preparation(self) -> Preparation:
        """Return what creates jobs of `prepare.py`, for the first start, which runs some before there are servers.

        Raises:
            RightsRefused: they would run with more rights than servers should have.
        """
        return self._spec_builder.preparation()

    def _dirs(self, prefix: str) -> Iterator[Path]:
        """Yield the folders of our replicas whose names begin with `prefix`, without reading those of other owners."""
        return (folder for folder in reading.replica_dirs(self._replicas, prefix) if is_owned(folder, self._owner))

    def _inspect(self, prefix: str) -> Iterator[ReplicaStatus]:
        for replica in self._dirs(prefix):
            if (status := reading.inspect(replica)) is not None:
                yield status

    def _probe(self, status: ReplicaStatus) -> ReplicaStatus:
        folder = self._replicas / status.name / f"attempt-{status.attempt}"
        spec, state = read_json(str(folder / "spec.json")), read_json(str(folder / "state.json"))
        if spec is None or state is None or "server" not in state or status.endpoint is None:
            return status
        host, port = status.endpoint.host, status.endpoint.port
        leader = state["server"][0]
        check = health_check_of(spec)
        age = machine.age_of(leader) if check.initial_delay_seconds else 0.0
        was_healthy = status.phase is ReplicaPhase.HEALTHY
        health = self._checks.ask(str(folder), check, host, check.port or port, age=age, was_healthy=was_healthy)
        phase = health.phase
        mark = folder / "healthy"
        if (phase is ReplicaPhase.HEALTHY) != mark.exists():
            with suppress(OSError):  # deleted meanwhile, or a full disk: the result is valid anyway
                mark.touch() if phase is ReplicaPhase.HEALTHY else mark.unlink(missing_ok=True)
        if phase is ReplicaPhase.HEALTHY:
            return replace(status, phase=phase, detail=self._exposure.of(leader))
        self._exposure.forget(leader)
        if phase is ReplicaPhase.LISTENING:
            return replace(status, phase=phase, detail=health.detail)
        if (datetime.now(UTC) - status.started_at).total_seconds() < SETTLING_SECONDS:
            return replace(status, phase=phase)
        return replace(status, phase=phase, detail=sockets.misplaced(sockets.listeners(leader) or (), host, port))

    def _measured(self, status: ReplicaStatus) -> ReplicaStatus:
        if status.phase not in _PROBED:
            return status
        state = read_json(str(self._replicas / status.name / f"attempt-{status.attempt}" / "state.json"))
        if state is None or "server" not in state:
            return status
        cpu, memory = self._usage.of(state["server"][0])
        return replace(status, cpu_percent=cpu, memory_bytes=memory)


_PROBED = {ReplicaPhase.STARTING, ReplicaPhase.LISTENING, ReplicaPhase.HEALTHY}
