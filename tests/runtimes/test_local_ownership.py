"""Servers of the version before say nothing of whose they are: those in our home are ours."""

from __future__ import annotations

import json

from deployments.lifecycle import ReplicaPhase
from deployments.runtimes.local.driver import LocalRuntime
from tests.runtimes.contract import OTHERS, OURS
from tests.runtimes.machine import Machine


def test_a_server_without_an_owner_is_adopted_and_stopped_by_whoever_asks_for_it(machine: Machine) -> None:
    machine.start()
    machine.until(ReplicaPhase.HEALTHY)
    assert not (machine.folder().parent / "owner.json").exists()  # as the version before has left it

    for owner in (OURS, *OTHERS):
        runtime = LocalRuntime(home=machine.home, owner=owner)
        assert [one.name for one in runtime.list_all()] == [machine.name]
    runtime.stop(machine.name, 1)

    assert machine.ended().message.reason == "StoppedAsAsked"


def test_the_next_start_says_whose_it_is(machine: Machine) -> None:
    machine.run("exit 3")

    LocalRuntime(home=machine.home, owner=OURS).start(machine.spec(attempt=2))

    assert json.loads((machine.folder().parent / "owner.json").read_text()) == {
        "installation": "a1",
        "connection": "1",
    }
    assert list(LocalRuntime(home=machine.home, owner=OTHERS[0]).list_all()) == []


def test_at_its_end_launchpad_finds_the_servers_of_all_connections(machine: Machine) -> None:
    LocalRuntime(home=machine.home, owner=OURS).start(machine.spec())

    assert [one.name for one in machine.runtime.list_all()] == [machine.name]
