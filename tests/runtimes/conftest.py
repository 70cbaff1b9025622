"""A machine for each test of the local runtime, and a place on the engine for each of containers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine import Engine
from tests.runtimes.engine_machine import EngineMachine, remove_everything
from tests.runtimes.machine import Machine

NewMachine = Callable[..., Machine]


@pytest.fixture
def new_machine(tmp_path: Path) -> Iterator[NewMachine]:
    """Make machines with options of one's own; all of them use the same folder."""
    made: list[Machine] = []

    def make(**options: Any) -> Machine:
        made.append(Machine(tmp_path / "home", **options))
        return made[-1]

    (tmp_path / "home").mkdir()
    yield make
    for machine in made:
        machine.end()


@pytest.fixture
def machine(new_machine: NewMachine) -> Machine:
    return new_machine()


NewEngineMachine = Callable[..., EngineMachine]


@pytest.fixture
def new_engine_machine(engine: Engine, tmp_path: Path) -> Iterator[NewEngineMachine]:
    """Make runtimes of containers with options of one's own, on the engine of the tests."""
    yield lambda **options: EngineMachine(engine, tmp_path / "containers", **options)
    remove_everything(engine)


@pytest.fixture
def containers(new_engine_machine: NewEngineMachine) -> EngineMachine:
    return new_engine_machine()
