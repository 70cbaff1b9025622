"""What a server starts in a session of its own belongs to it all the same: it counts, and it ends with the server."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from deployments.lifecycle import ExitReason
from deployments.messages import render
from deployments.runtimes.base import Resources
from deployments.runtimes.local import spec
from tests.runtimes.conftest import NewMachine
from tests.runtimes.machine import Machine, is_gone
from tests.runtimes.test_memory_limit import by_control_group, by_watching, may_make_control_groups
from tests.waiting import wait_until

LIMIT = Resources(cpu_millis=100, memory_bytes=64_000_000)
_ESCAPES = """
import json, os, signal
out, back = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(back, str(os.getpid()).encode())
        {does}
    os._exit(0)
os.wait()
print(json.dumps(int(os.read(out, 20))))
{then}
"""
_WAITS = "signal.pause()"


@pytest.fixture(params=[by_control_group, by_watching])
def machine(request: pytest.FixtureRequest, new_machine: NewMachine) -> Machine:
    return new_machine(control_groups=request.param)


def escaped(machine: Machine, *, does: str = _WAITS, then: str = _WAITS) -> int:
    """Start a server that leaves a process in a session of its own; return the pid of that."""
    machine.start_python(_ESCAPES.format(does=does, then=then), resources=LIMIT)
    wait_until(machine.lines, what="it has escaped")
    return int(json.loads(machine.lines()[0]))


def test_it_ends_with_a_stop(machine: Machine) -> None:
    pid = escaped(machine)

    machine.stop()
    machine.ended()

    wait_until(lambda: is_gone(pid), what="what has escaped is gone")


def test_it_ends_with_the_server(machine: Machine) -> None:
    pid = escaped(machine, then="")

    assert machine.ended().code == 0

    wait_until(lambda: is_gone(pid), what="what has escaped is gone")


def test_its_memory_counts(machine: Machine) -> None:
    pid = escaped(machine, does="held = bytearray(b'x') * 200_000_000; signal.pause()")

    assert machine.ended().reason is ExitReason.OUT_OF_MEMORY

    wait_until(lambda: is_gone(pid), what="what has escaped is gone")


def test_one_that_has_ended_is_buried(machine: Machine) -> None:
    pid = escaped(machine, does="os._exit(0)")

    wait_until(lambda: not psutil.pid_exists(pid), what="nothing is left of it, no zombie either")


_FORKS = """
import os, signal
for number in range(200):
    try:
        if os.fork() == 0:
            signal.pause()
    except BlockingIOError:
        print("refused")
        break
else:
    print("all")
{then}
"""


@pytest.fixture
def few_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spec, "MAX_TASKS", 50)


@pytest.mark.usefixtures("few_tasks")
def test_a_server_that_forks_without_end_is_refused_more_by_its_control_group(new_machine: NewMachine) -> None:
    if not may_make_control_groups() or not Path("/sys/fs/cgroup/pids").is_dir():
        pytest.skip("no control groups can be made here")
    machine = new_machine()
    machine.start_python(_FORKS.format(then=""))

    machine.ended()

    assert machine.lines() == ["refused"]


@pytest.mark.usefixtures("few_tasks")
def test_a_server_that_forks_without_end_is_ended_where_there_are_no_control_groups(new_machine: NewMachine) -> None:
    machine = new_machine(control_groups=False)
    machine.start_python(_FORKS.format(then=_WAITS), resources=Resources(cpu_millis=100, memory_bytes=4_000_000_000))

    ended = machine.ended()

    assert ended.reason is ExitReason.SIGNALED
    assert render(ended.message) == "The server had more than 50 processes and threads and was ended."


def test_a_server_leaves_no_core(machine: Machine) -> None:
    machine.run("ulimit -c 2>&1; cat /proc/self/limits | grep core")

    assert machine.lines()[-1].split()[4:6] == ["1", "1"]
