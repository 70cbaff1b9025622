"""The making of a Python environment tells how far it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployments.runtimes.preparation.environment import failure_of, heartbeat
from tests.runtimes.hostile import write_package
from tests.runtimes.machine import Machine
from tests.waiting import wait_until


def test_each_step_and_the_number_of_compiled_files_are_told(machine: Machine) -> None:
    line = write_package(machine.programs, home=machine.home, victim=Path("/none"), sleeps="0")

    machine.start("true", requirements=[line])
    machine.ended(timeout=60)

    said = machine.lines("launchpad")
    assert said[:2] == ["making an empty environment", "resolving the packages"]
    assert "compiled 1 of 1 Python files" in said


def test_a_silent_installer_is_said_to_be_at_work(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []

    def is_told() -> bool:
        told.extend(capfd.readouterr().out.splitlines())
        return bool(told)

    with heartbeat([], every=0.01):
        wait_until(is_told, what="it says something")

    assert json.loads(told[0]) == {"reason": "InstallingPackages", "params": {"lasts_seconds": 0}}


def test_a_server_whose_environment_is_there_starts_without_a_look_at_it(machine: Machine) -> None:
    first, second = f"{machine.id}-1-0", f"{machine.id}-1-1"
    for name in (first, second):
        machine.start("true", name=name, requirements=["launchpad-model-servers"])
        machine.ended(name, timeout=60)

    def steps(name: str) -> list[str]:
        spec = json.loads((machine.folder(name=name) / "spec.json").read_text())
        return [step["phase"] for step in spec["prepare"]]

    assert (steps(first), steps(second)) == (["PREPARING"], [])


def test_why_an_installer_has_failed_begins_with_what_has_failed() -> None:
    said = [
        "Using Python 3.11.7 environment at: /home/envs/b4a9c4ba2d82c126e101",
        "error: Failed to build `needs-a-compiler @ file:///needs-a-compiler-1.tar.gz`",
        "cause: Call to `backend.build_wheel` failed (exit status: 1)",
        "Traceback (most recent call last):",
        "raise RuntimeError('no compiler')",
        "RuntimeError: no compiler",
        "hint: Build failures usually indicate a problem with the package",
    ]

    assert failure_of(said) == (
        "Failed to build `needs-a-compiler @ file:///needs-a-compiler-1.tar.gz`; "
        "raise RuntimeError('no compiler'); RuntimeError: no compiler"
    )
    assert failure_of(said[:2]) == "Failed to build `needs-a-compiler @ file:///needs-a-compiler-1.tar.gz`"
    assert failure_of(["20 % of 800 MB", "error: no such package"]) == "no such package"
    assert failure_of(["no space left"]) == "no space left"
    assert failure_of(said[:1]) == said[0]
