"""A local runtime in a folder of its own, and a look at what its servers leave on the machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deployments.lifecycle import ReplicaPhase
from deployments.runtimes.base import (
    ArtifactSource,
    HealthCheck,
    LogLine,
    ReplicaExit,
    ReplicaSpec,
    ReplicaStatus,
    Resources,
)
from deployments.runtimes.local.driver import LocalRuntime
from deployments.runtimes.preparation.sandbox import SandboxSettings
from deployments.runtimes.processes import is_alive, start_mark
from deployments.runtimes.wheel import SOURCE
from tests.runtimes.contract import SMALL, new_id
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
HELLO = str(SOURCE / "launchpad_model_servers" / "hello_server.py")
PYTHON = os.path.realpath(sys.executable)  # without the environment's packages: it starts in a third of the time
SERVES = (PYTHON, "-I", "-S", HELLO)
SECONDS = 20.0  # until a server is started or has ended, on a busy machine


class Machine:
    """What a test needs to start servers and to see what becomes of them.

    Args:
        home: a folder for this machine alone.
        options: of LocalRuntime. Without a sandbox of its own, servers may read this checkout and `programs`.
    """

    def __init__(self, home: Path, **options: Any) -> None:
        self.home = home
        self.id = new_id()
        self.name = f"{self.id}-1-0"
        self.programs = home.with_name("programs")
        if "sandbox" not in options:
            self.programs.mkdir(exist_ok=True)
            options["sandbox"] = SandboxSettings(folders=(ROOT, self.programs))
        self.runtime = LocalRuntime(home=home, **options)

    def spec(
        self,
        *command: str,
        name: str = "",
        attempt: int = 1,
        env: Mapping[str, str] | None = None,
        requirements: Sequence[str] = (),
        fetches: Sequence[ArtifactSource] = (),
        resources: Resources = SMALL,
        grace_seconds: float = 5.0,
        health_check: HealthCheck | None = None,
    ) -> ReplicaSpec:
        return ReplicaSpec(
            name=name or self.name,
            attempt=attempt,
            command=command or SERVES,
            env=dict(env or {}),
            requirements=tuple(requirements),
            fetches=tuple(fetches),
            resources=resources,
            health_path="/",
            health_check=health_check,
            grace_seconds=grace_seconds,
        )

    def start(self, *command: str, **values: Any) -> None:
        self.runtime.start(self.spec(*command, **values))

    def start_python(self, code: str, **values: Any) -> None:
        self.start(PYTHON, "-I", "-S", "-u", "-c", code, **values)

    def start_script(self, script: str, **values: Any) -> None:
        self.start("/bin/sh", "-c", script, **values)

    def seen(self, name: str = "", *, probe: bool = False) -> ReplicaStatus:
        return next(one for one in self.runtime.get(self.id, probe=probe) if one.name == (name or self.name))

    def port(self) -> int:
        """Return the port that the server has been told to listen on."""
        endpoint = self.seen().endpoint
        assert endpoint is not None
        return endpoint.port

    def until(self, phase: ReplicaPhase, name: str = "", *, timeout: float = SECONDS) -> ReplicaStatus:
        wait_until(lambda: self.seen(name, probe=True).phase is phase, timeout=timeout, what=f"{name} is {phase}")
        return self.seen(name)

    def ended(self, name: str = "", *, timeout: float = SECONDS) -> ReplicaExit:
        """Wait for the end of a replica and return how it ended."""
        exit = self.until(ReplicaPhase.EXITED, name, timeout=timeout).exit
        assert exit is not None
        return exit

    def run(self, script: str, **values: Any) -> ReplicaExit:
        """Run a shell script as a server to its end."""
        self.start_script(script, **values)
        return self.ended(values.get("name", ""))

    def stop(self, name: str = "", *, attempt: int = 1) -> None:
        self.runtime.stop(name or self.name, attempt)

    def lines(self, stream: str = "stdout") -> list[str]:
        """Return the texts of one stream."""
        return [line.text for line in self.logs() if line.stream == stream]

    def logs(self) -> list[LogLine]:
        return list(self.runtime.logs(self.id))

    def until_said(self, text: str) -> None:
        wait_until(lambda: text in self.lines(), timeout=SECONDS, what=f"the server has written {text!r}")

    def folder(self, attempt: int = 1, name: str = "") -> Path:
        return self.home / "replicas" / (name or self.name) / f"attempt-{attempt}"

    def state(self, attempt: int = 1) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.folder(attempt) / "state.json").read_text())
        return state

    def pid(self, of: str) -> int:
        """Return the pid of the "shim" or the "server", once there is one."""
        wait_until(lambda: of in self.state(), timeout=SECONDS, what=f"the {of} has a pid")
        return int(self.state()[of][0])

    def end(self) -> None:
        """Leave no process behind."""
        for one in self.runtime.list_all():
            self.runtime.stop(one.name, one.attempt)
        wait_until(
            lambda: all(one.phase is ReplicaPhase.EXITED for one in self.runtime.list_all()),
            timeout=SECONDS,
            what="all servers have ended",
        )
        for one in self.runtime.list_all():
            self.runtime.delete(one.name)


def is_gone(pid: int, mark: str = "") -> bool:
    """Return whether a process has ended; a zombie that nobody has asked about has."""
    return not is_alive([pid, mark or start_mark(pid)])


def control_groups(name: str) -> list[Path]:
    """Return the control groups of a replica's attempts."""
    bases = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup/cpu"))
    return [group for base in bases for group in (base / "launchpad").glob(f"{name}-*")]
