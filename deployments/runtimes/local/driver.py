"""The runtime of this machine: replicas are processes, their state lies in files beside their shims.

The driver itself holds nothing that could be lost: every answer is read from the files and checked against the
processes that live. Several processes of Launchpad use it at the same time.
"""

from __future__ import annotations

import builtins
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from deployments.lifecycle import ExitReason, ReplicaPhase
from deployments.runtimes.base import LogLine, ReplicaExit, ReplicaSeen, ReplicaSpec, Resources
from deployments.runtimes.local import logs, machine
from deployments.runtimes.local.attempt_files import is_alive, read_json, stop_wanted, write_atomically
from deployments.runtimes.local.environment import environment_key
from deployments.runtimes.local.ports import choose_port
from deployments.runtimes.local.probe import probe
from deployments.runtimes.local.spec import Preparer

SHIM = Path(__file__).with_name("shim.py")
STARTING_SECONDS = 10.0  # how long a shim may take to say that it lives


class LocalRuntime:
    """Runs replicas as processes of this machine (the contract is `base.Runtime`).

    Args:
        home: LAUNCHPAD_HOME; state is kept in `replicas`, environments in `envs`, downloads in `cache`.
        cpu_overcommit: how many times the machine's cores may be placed.
        memory_bytes: memory to place replicas on; None for the machine's, less a reserve.
        run_as: user that servers run as when we are root, where that user can reach what they need.
        allowed_roots: folders that `file://` artifacts may lie in.
        python: interpreter that environments are made from.
        uv: the program that builds environments.
    """

    def __init__(
        self,
        *,
        home: Path,
        cpu_overcommit: float = 4.0,
        memory_bytes: int | None = None,
        run_as: str = "",
        allowed_roots: Sequence[Path] = (),
        python: str = sys.executable,
        uv: str = "",
    ) -> None:
        self.home = home
        self._replicas = home / "replicas"
        self._capacity = machine.capacity(cpu_overcommit, memory_bytes)
        self._preparer = Preparer(
            home=home,
            run_as=run_as,
            allowed_roots=tuple(allowed_roots),
            python=os.path.realpath(python),
            uv=uv or str(Path(sys.executable).with_name("uv")),
        )
        self._usage = machine.Usage()

    def capacity(self) -> Resources:
        """Return what the machine has, its cores multiplied by the overcommit."""
        return self._capacity

    # --- start and stop -----------------------------------------------------------------------------------------

    def start(self, spec: ReplicaSpec) -> None:
        """Write down what to run and start the shim that runs it.

        Raises:
            RuntimeRejected: an artifact lies where none may be taken from.
        """
        replica = self._replicas / spec.name
        if stop_wanted(str(replica), spec.attempt) or (replica / f"attempt-{spec.attempt}" / "spec.json").exists():
            return
        folder = replica / f"attempt-{spec.attempt}"
        folder.mkdir(parents=True, exist_ok=True)
        with choose_port(self._replicas, replica, spec.attempt) as port:
            content = self._preparer.spec_file(spec, folder, port)
            write_atomically(str(folder / "spec.json"), json.dumps(content))
        self._start_shim(folder)

    def _start_shim(self, folder: Path) -> None:
        # The shim forks away at once, so this waits some 20 ms for its parent alone. It gets our environment only as
        # far as the builders of Python environments need it; the server gets none of it.
        subprocess.run(
            [sys.executable, "-I", "-S", "-E", str(SHIM), str(folder)],
            env=self._preparer.builder_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=STARTING_SECONDS,
            check=True,
        )

    def stop(self, name: str, attempt: int) -> None:
        """End an attempt, and see to it that neither it nor an earlier one starts any more."""
        replica = self._replicas / name
        if not stop_wanted(str(replica), attempt):
            replica.mkdir(parents=True, exist_ok=True)
            write_atomically(str(replica / "stop"), str(attempt))
        # Either the shim finds the mark when it begins, or its state is there to be found now.
        for number, folder in _attempts(replica):
            state = read_json(str(folder / "state.json"))
            if number <= attempt and state is not None and "exit" not in state and is_alive(state["shim"]):
                os.kill(state["shim"][0], signal.SIGTERM)

    def forget(self, name: str) -> None:
        """Remove the state and logs of a replica that has exited."""
        shutil.rmtree(self._replicas / name, ignore_errors=True)

    # --- looking ------------------------------------------------------------------------------------------------

    def seen(self, deployment_id: str, *, probe: bool = True) -> Sequence[ReplicaSeen]:
        """Return the replicas of one deployment, asked for their health unless `probe` is False."""
        found = list(self._look(f"{deployment_id}-"))
        if not probe:
            return found
        asked = [index for index, one in enumerate(found) if one.phase in _PROBED]
        if len(asked) == 1:
            answers = [self._probe(found[asked[0]])]
        else:
            with ThreadPoolExecutor(max_workers=max(1, min(8, len(asked)))) as threads:
                answers = list(threads.map(self._probe, [found[index] for index in asked]))
        for index, answer in zip(asked, answers, strict=True):
            found[index] = answer
        return found

    def list(self) -> Sequence[ReplicaSeen]:
        """Return every replica, without asking the servers."""
        return builtins.list(self._look(""))

    def logs(
        self,
        deployment_id: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        newest_first: bool = False,
    ) -> Iterator[LogLine]:
        """Yield the log lines of a deployment, of all replicas and attempts (start <= at < end)."""
        attempts = [
            (replica.name, number, folder)
            for replica in self._folders(f"{deployment_id}-")
            for number, folder in _attempts(replica)
        ]
        return logs.merged(attempts, start=start, end=end, newest_first=newest_first)

    def builder_environment(self) -> dict[str, str]:
        """Return the environment variables that the command of `environment_command` is to be run with."""
        return self._preparer.builder_environment()

    def environment_command(self, requirements: Sequence[str]) -> tuple[builtins.list[str], Path]:
        """Return the command that builds the environment of these requirements, and the environment's folder."""
        folder = self.home / "envs" / environment_key(requirements)
        return self._preparer.build_command(folder, requirements), folder

    def _folders(self, prefix: str) -> Iterator[Path]:
        try:
            entries = sorted(name for name in os.listdir(self._replicas) if name.startswith(prefix))
        except FileNotFoundError:
            return
        for name in entries:
            yield self._replicas / name

    def _look(self, prefix: str) -> Iterator[ReplicaSeen]:
        for replica in self._folders(prefix):
            for number, folder in reversed(_attempts(replica)):
                if (one := self._read(replica, number, folder)) is not None:
                    yield one
                    break

    def _read(self, replica: Path, number: int, folder: Path) -> ReplicaSeen | None:
        spec = read_json(str(folder / "spec.json"))
        if spec is None:
            return None  # its start was cut off before anything was written down
        state = read_json(str(folder / "state.json")) or {}
        began = datetime.fromtimestamp(spec["at"], UTC)
        seen = ReplicaSeen(
            name=replica.name,
            attempt=number,
            phase=ReplicaPhase.STARTING,
            port=spec["port"],
            detail=state.get("detail", ""),
            started_at=began,
        )
        if "exit" not in state and not is_alive(state.get("shim")):
            if not state and time.time() - spec["at"] < STARTING_SECONDS:
                return seen
            state = _lose(folder, state)
        if ended := state.get("exit"):
            return replace(seen, phase=ReplicaPhase.EXITED, detail="", exit=_exit(ended))
        if stop_wanted(str(replica), number):
            return replace(seen, phase=ReplicaPhase.STOPPING)
        if "server" not in state:
            return replace(seen, phase=ReplicaPhase(state["phase"]))
        healthy = (folder / "healthy").exists()
        return replace(seen, phase=ReplicaPhase.HEALTHY if healthy else ReplicaPhase.STARTING)

    def _probe(self, seen: ReplicaSeen) -> ReplicaSeen:
        folder = self._replicas / seen.name / f"attempt-{seen.attempt}"
        spec, state = read_json(str(folder / "spec.json")), read_json(str(folder / "state.json"))
        if spec is None or state is None or "server" not in state:
            return seen
        phase = probe(seen.host, seen.port, spec["health_path"])
        mark = folder / "healthy"
        if (phase is ReplicaPhase.HEALTHY) != mark.exists():
            mark.touch() if phase is ReplicaPhase.HEALTHY else mark.unlink(missing_ok=True)
        cpu, memory = self._usage.of(state["server"][0])
        return replace(seen, phase=phase, cpu_percent=cpu, memory_bytes=memory)


_PROBED = {ReplicaPhase.STARTING, ReplicaPhase.LISTENING, ReplicaPhase.HEALTHY}


def _attempts(replica: Path) -> list[tuple[int, Path]]:
    """Return the attempts of a replica in their order."""
    try:
        names = os.listdir(replica)
    except FileNotFoundError:
        return []
    numbers = sorted(int(name.removeprefix("attempt-")) for name in names if name.startswith("attempt-"))
    return [(number, replica / f"attempt-{number}") for number in numbers]


def _lose(folder: Path, state: dict[str, Any]) -> dict[str, Any]:
    """Note that an attempt has lost its shim, and end what is left of its server."""
    if server := state.get("server"):
        _end_session(server[0], server[1])
    message = "The server was lost: the process that watched it is gone. The machine was restarted, or it was killed."
    lost = {"reason": ExitReason.LOST, "code": None, "signal": None, "message": message, "first_error": ""}
    state = state | {"phase": "EXITED", "detail": "", "exit": lost | {"at": time.time()}}
    write_atomically(str(folder / "state.json"), json.dumps(state))
    return state


def _end_session(leader: int, mark: str) -> None:
    """Kill all processes of a server's session, which carries the pid of its leader."""
    if psutil.pid_exists(leader) and not is_alive([leader, mark]):
        return  # another process has the pid by now, so the session is long gone
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                process.kill()
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue  # it has ended meanwhile, or is nobody of ours


def _exit(ended: dict[str, Any]) -> ReplicaExit:
    return ReplicaExit(
        reason=ExitReason(ended["reason"]),
        code=ended["code"],
        signal=ended["signal"],
        message=ended["message"],
        first_error=ended["first_error"],
        at=datetime.fromtimestamp(ended["at"], UTC),
    )
