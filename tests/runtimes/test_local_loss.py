"""What is left of an attempt is ended when its shim is frozen or its files are damaged; nothing runs on unseen."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from deployments.lifecycle import ExitReason, ReplicaPhase
from deployments.messages import render
from deployments.runtimes.base import ArtifactSource
from deployments.runtimes.preparation import jobs
from tests.runtimes.conftest import NewMachine
from tests.runtimes.machine import Machine, is_gone
from tests.waiting import wait_until


@pytest.fixture
def running(new_machine: NewMachine) -> Machine:
    machine = new_machine()
    machine.start(grace_seconds=0.1)
    machine.until(ReplicaPhase.HEALTHY)
    return machine


def freeze_and_stop(machine: Machine, *, seconds_ago: float) -> None:
    """Stop an attempt whose shim does not run, as if that had been so many seconds ago."""
    os.kill(machine.pid("shim"), signal.SIGSTOP)
    machine.stop()
    told_at = time.time() - seconds_ago
    os.utime(machine.home / "replicas" / machine.name / "stop", (told_at, told_at))


def test_a_stop_while_the_shim_is_frozen_has_a_deadline(running: Machine) -> None:
    shim, server = running.pid("shim"), running.pid("server")

    freeze_and_stop(running, seconds_ago=4)
    assert running.seen().phase is ReplicaPhase.STOPPING

    freeze_and_stop(running, seconds_ago=6)
    ended = running.ended()
    assert ended.reason is ExitReason.STOPPED
    assert render(ended.message) == "It was asked to stop. The process beside it did not answer, so both were killed."
    wait_until(lambda: is_gone(shim) and is_gone(server), what="both are gone")


def test_the_deadline_of_a_stop_holds_after_the_clock_was_set_back(running: Machine) -> None:
    freeze_and_stop(running, seconds_ago=-3600)

    assert running.ended().reason is ExitReason.STOPPED


def test_what_a_frozen_shim_prepares_is_ended_too(new_machine: NewMachine) -> None:
    machine = new_machine()
    machine.start_script("sleep 600 & sleep 600 & wait", grace_seconds=0.1)
    server = machine.pid("server")

    freeze_and_stop(machine, seconds_ago=60)
    machine.ended()

    wait_until(lambda: is_gone(server), what="the server is gone")


@pytest.mark.parametrize("content", ["", "{", "null", "{}", "\0" * 40])
def test_a_running_replica_whose_spec_cannot_be_read_is_lost_and_ended(running: Machine, content: str) -> None:
    shim, server = running.pid("shim"), running.pid("server")
    (running.folder() / "spec.json").write_text(content)

    ended = running.ended()

    assert ended.reason is ExitReason.LOST
    assert "spec.json" in render(ended.message)
    wait_until(lambda: is_gone(shim) and is_gone(server), what="both are gone")
    running.start(attempt=2)
    running.until(ReplicaPhase.HEALTHY)


def test_a_preparation_whose_programs_an_upgrade_has_moved_is_no_failure(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = ArtifactSource(placeholder="model", url="http://127.0.0.1:9/model")
    with monkeypatch.context() as before_the_upgrade:
        before_the_upgrade.setattr(jobs, "_HERE", tmp_path / "before")
        machine.start(fetches=[refused])
    ended = machine.ended()
    assert (ended.reason, ended.code) == (ExitReason.STOPPED, None)
    assert "another version" in render(ended.message)

    machine.start(fetches=[refused], attempt=2)
    wait_until(lambda: machine.seen().attempt == 2, what="the next attempt is there")
    assert machine.ended().reason is ExitReason.NOT_STARTED
