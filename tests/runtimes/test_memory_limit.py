"""The local runtime holds a server to the memory of its plan: by a control group where it may, else by watching."""

from __future__ import annotations

import json

import pytest

from deployments.lifecycle import ExitReason
from deployments.messages import render
from deployments.runtimes.base import Resources
from deployments.runtimes.local.limits import Limits
from tests.runtimes.conftest import NewMachine
from tests.runtimes.machine import PYTHON, Machine, control_groups, is_gone
from tests.waiting import wait_until

LIMIT = Resources(cpu_millis=100, memory_bytes=64_000_000)
TAKES = "import time; held = bytearray(b'x') * 200_000_000; time.sleep(600)"
SAYS = "The server used more than its 64 MB of memory and was ended."


def may_make_control_groups() -> bool:
    """Return whether this machine lets us hold servers by control groups."""
    spec = {"name": "d-probe", "attempt": 1, "memory_bytes": 1, "cpu_millis": 1, "control_groups": True}
    limits = Limits(spec)
    groups = control_groups("d-probe")
    limits.leave()
    return bool(groups)


by_control_group = pytest.param(
    True,
    id="control group",
    marks=pytest.mark.skipif(not may_make_control_groups(), reason="no control groups can be made here"),
)
by_watching = pytest.param(False, id="watching")


@pytest.fixture(params=[by_control_group, by_watching])
def machine(request: pytest.FixtureRequest, new_machine: NewMachine) -> Machine:
    return new_machine(control_groups=request.param)


def test_a_server_that_uses_more_is_ended_with_the_reason_and_leaves_nothing(machine: Machine) -> None:
    machine.start_python(f"print('loading'); {TAKES}", resources=LIMIT)

    ended = machine.ended()

    assert (ended.reason, render(ended.message)) == (ExitReason.OUT_OF_MEMORY, SAYS)
    assert ended.first_error == "", "what it said last was not why it was killed"
    assert is_gone(machine.pid("server"))
    assert machine.lines("launchpad")[-1] == SAYS
    machine.runtime.delete(machine.name)
    assert control_groups(machine.name) == []


def test_the_memory_of_its_children_counts_and_all_of_them_are_ended(machine: Machine) -> None:
    child = machine.programs / "child.py"
    child.write_text(TAKES)
    machine.start_script(f"{PYTHON} -I -S {child} & echo $!; sleep 600 & echo $!; wait", resources=LIMIT)
    wait_until(lambda: len(machine.lines()) == 2, what="both children have been started")
    children = [int(line) for line in machine.lines()]

    ended = machine.ended()

    assert ended.reason is ExitReason.OUT_OF_MEMORY
    wait_until(lambda: all(is_gone(pid) for pid in children), what="its children are gone")


def test_children_that_share_their_memory_do_not_count_it_twice(new_machine: NewMachine) -> None:
    """As servers do that load a model and fork their workers: each page is in the parent and in three children."""
    machine = new_machine(control_groups=False)
    forks = "[os.fork() or time.sleep(600) for _ in range(3)]"
    code = f"import os, time; held = bytearray(b'x') * 60_000_000; {forks}; print('all there'); time.sleep(600)"
    machine.start_python(code, resources=Resources(cpu_millis=100, memory_bytes=120_000_000))
    machine.until_said("all there")
    watched = json.loads((machine.folder() / "spec.json").read_text())

    assert not Limits(watched).is_exceeded_by(machine.pid("server"))
    assert Limits(watched | {"memory_bytes": 50_000_000}).is_exceeded_by(machine.pid("server"))


def test_a_server_that_stays_below_its_limit_is_left_alone_by_the_death_of_its_neighbour(machine: Machine) -> None:
    """Each attempt has a limit of its own, though both are of one deployment."""
    greedy, modest = (f"{machine.id}-1-{number}" for number in range(2))
    machine.start_script("echo ready; exec sleep 600", name=modest, resources=LIMIT)
    machine.until_said("ready")
    machine.start_python(TAKES, name=greedy, resources=LIMIT)

    assert machine.ended(greedy).reason is ExitReason.OUT_OF_MEMORY
    assert machine.seen(modest).exit is None
