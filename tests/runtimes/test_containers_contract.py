"""The runtime of containers keeps the contract of all runtimes, on a real engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployments.runtimes.base import ReplicaSpec, Runtime
from tests.engine import IMAGE, Engine
from tests.runtimes import engine_machine
from tests.runtimes.contract import OpenAs
from tests.runtimes.engine_machine import open_runtime, remove_everything
from tests.runtimes.shell_contract import ShellRuntimeContract


class TestContainerRuntime(ShellRuntimeContract):
    SECONDS = engine_machine.SECONDS
    SERVES = engine_machine.SERVES
    WAITS = engine_machine.WAITS

    def spec(self, name: str, command: tuple[str, ...] = (), *, attempt: int = 1) -> ReplicaSpec:
        return replace(super().spec(name, command, attempt=attempt), image=IMAGE)

    @pytest.fixture
    def open_as(self, engine: Engine, tmp_path: Path) -> Iterator[OpenAs]:
        yield lambda owner: open_runtime(engine, tmp_path, owner)
        remove_everything(engine)

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> Runtime:
        """Where no engine is."""
        return engine_machine.runtime_at(f"unix://{tmp_path}/no.sock", tmp_path)
