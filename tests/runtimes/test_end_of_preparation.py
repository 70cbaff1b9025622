"""Whoever prepares a server ends with all it has started, and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from pathlib import Path

from deployments.lifecycle import ExitReason, ReplicaPhase
from tests.runtimes.hostile import sleepers, write_package
from tests.runtimes.machine import PYTHON, Machine
from tests.waiting import wait_until

_LASTING = """
import os, signal, sys
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.execvp("sleep", ["sleep", sys.argv[1]])
os.wait()
print("at work", flush=True)
signal.pause()
"""


def maker(machine: Machine, argument: str) -> list[str]:
    """Return the command that runs a maker which goes on for long, and has a child in a session of its own."""
    preparation = machine.runtime.preparation()
    draft, folder = machine.home / "made.new", machine.home / "made"
    job = preparation.made_by([PYTHON, "-I", "-S", "-c", _LASTING, argument], draft, folder, visible=[])
    file = machine.home / "job.json"
    file.write_text(json.dumps({"prepare": [{"job": job}]}))
    return preparation.command(file, 0)


def start_maker(machine: Machine, argument: str) -> subprocess.Popen[str]:
    """Start it and wait until all of it is there."""
    command = maker(machine, argument)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    wait_until(lambda: sleepers(argument), what="its child is there")
    return process


def test_a_preparation_that_is_told_to_end_takes_all_with_it_and_leaves_nothing(machine: Machine) -> None:
    argument = f"{uuid.uuid4().int % 10**6 + 10**7}"
    process = start_maker(machine, argument)

    process.terminate()

    assert process.wait(20) != 0
    assert sleepers(argument) == []
    assert not (machine.home / "made.new").exists()


_ASKS = """
import json, subprocess, sys
sys.exit(subprocess.run(json.loads(sys.argv[1])).returncode)
"""


def test_a_preparation_and_all_it_has_started_end_with_the_program_that_asked_for_it(machine: Machine) -> None:
    argument = f"{uuid.uuid4().int % 10**6 + 10**7}"
    asking = subprocess.Popen(
        [PYTHON, "-c", _ASKS, json.dumps(maker(machine, argument))],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert asking.stdout is not None
    assert asking.stdout.readline() == "at work\n"
    wait_until(lambda: sleepers(argument), what="its child is there")

    asking.kill()

    asking.wait(20)
    wait_until(lambda: not sleepers(argument), what="what it has started has ended")
    wait_until(lambda: not (machine.home / "made.new").exists(), what="nothing is left")


def test_nobody_else_begins_while_what_was_started_by_a_killed_preparation_still_runs(machine: Machine) -> None:
    argument = f"{uuid.uuid4().int % 10**6 + 10**7}"
    first = start_maker(machine, argument)
    first.kill()
    first.wait(20)
    (survivor,) = sleepers(argument)

    command = machine.runtime.preparation().command(machine.home / "job.json", 0)
    second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert second.stdout is not None
    waiting = second.stdout.readline()
    os.kill(survivor, 9)

    assert json.loads(waiting)["reason"] == "WaitingForSameMaker"
    assert second.stdout.readline() == "at work\n"
    second.terminate()
    second.wait(20)
    assert sleepers(argument) == []


def test_a_server_that_is_stopped_while_it_is_prepared_leaves_no_builder(machine: Machine, open_folder: Path) -> None:
    argument = f"{uuid.uuid4().int % 10**6 + 10**7}"
    line = write_package(open_folder, home=machine.home, victim=open_folder / "none", sleeps=argument)
    machine.start("true", requirements=[line])
    machine.until(ReplicaPhase.PREPARING)

    machine.stop()
    ended = machine.ended()

    assert ended.reason is ExitReason.STOPPED
    assert sleepers(argument) == []
    assert not list((machine.home / "envs").glob("**/*.scratch"))
