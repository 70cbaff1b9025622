"""A runtime of containers on the engine of the tests, and a look at what it leaves there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from docker import APIClient

from deployments.lifecycle import ReplicaPhase
from deployments.runtimes.base import LogLine, Owner, ReplicaExit, ReplicaSpec, ReplicaStatus
from deployments.runtimes.containers import labels
from deployments.runtimes.containers.client import EngineClient
from deployments.runtimes.containers.driver import ContainerRuntime
from deployments.runtimes.containers.options import read_options
from tests.engine import IMAGE, Engine, client_of
from tests.runtimes.contract import OURS, SMALL, new_id
from tests.waiting import wait_until

# The first process of a container ends by the signals alone that it handles.
SERVES = ("/bin/sh", "-c", "trap 'exit 0' TERM; httpd -f -p {{runtime.port}} -h /www & wait")
WAITS = ("/bin/sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait")
SECONDS = 30.0  # until a container is started or has ended, on a busy machine


def runtime_at(address: str, home: Path, owner: Owner = OURS, **options: Any) -> ContainerRuntime:
    """Return a runtime on the engine at an address."""
    chosen = read_options({"address": address, **options})
    return ContainerRuntime(owner, chosen, EngineClient(chosen.address, {}), home)


def open_runtime(engine: Engine, home: Path, owner: Owner = OURS, **options: Any) -> ContainerRuntime:
    """Return a runtime on an engine."""
    return runtime_at(engine.address, home, owner, **options)


class EngineMachine:
    """What a test needs to start containers and to see what becomes of them."""

    def __init__(self, engine: Engine, home: Path, **options: Any) -> None:
        self.engine, self.home = engine, home
        self.id = new_id()
        self.name = f"{self.id}-1-0"
        self.runtime = open_runtime(engine, home, **options)

    def spec(self, *command: str, **values: Any) -> ReplicaSpec:
        return self.spec_of(self.name, **{"command": command or SERVES, **values})

    @staticmethod
    def spec_of(name: str, /, **values: Any) -> ReplicaSpec:
        """Return what a replica needs at least, with other values for some of it."""
        least = ReplicaSpec(
            name=name,
            attempt=1,
            image=IMAGE,
            command=SERVES,
            resources=SMALL,
            health_path="/",
            grace_seconds=5,
        )
        return replace(least, **values)

    def start(self, *command: str, **values: Any) -> None:
        self.runtime.start(self.spec(*command, **values))

    def script(self, text: str, **values: Any) -> ReplicaExit:
        """Run a shell script as a server to its end."""
        self.start("/bin/sh", "-c", text, **values)
        return self.ended(attempt=values.get("attempt", 1))

    def seen(self, *, probe: bool = True) -> ReplicaStatus | None:
        return next((one for one in self.runtime.get(self.id, probe=probe) if one.name == self.name), None)

    def until(self, phase: ReplicaPhase, *, attempt: int = 1) -> ReplicaStatus:
        def look() -> ReplicaStatus | None:
            seen = self.seen()
            return seen if seen and (seen.phase, seen.attempt) == (phase, attempt) else None

        found = wait_until(look, timeout=SECONDS, what=f"{self.name} is {phase}")
        assert found is not None
        return found

    def ended(self, *, attempt: int = 1) -> ReplicaExit:
        exit = self.until(ReplicaPhase.EXITED, attempt=attempt).exit
        assert exit is not None
        return exit

    def logs(self) -> Sequence[LogLine]:
        return self.runtime.logs(self.id)

    def lines(self, stream: str = "stdout") -> list[str]:
        return [line.text for line in self.logs() if line.stream == stream]

    def container(self, attempt: int = 1) -> Mapping[str, Any]:
        """Return what the engine says of the container of an attempt."""
        with self.client() as client:
            found: Mapping[str, Any] = client.inspect_container(labels.container_name(OURS, self.name, attempt))
        return found

    @contextmanager
    def client(self) -> Iterator[APIClient]:
        with client_of(self.engine.address) as client:
            yield client.api


def remove_everything(engine: Engine) -> None:
    """Leave no container and no volume of ours on an engine."""
    with client_of(engine.address) as client:
        for one in client.api.containers(all=True, filters={"label": labels.INSTALLATION}):
            client.api.remove_container(one["Id"], v=True, force=True)
        for volume in client.api.volumes(filters={"label": labels.INSTALLATION})["Volumes"] or ():
            client.api.remove_volume(volume["Name"])
