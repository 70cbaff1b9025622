"""Whatever is killed while people work, every deployment ends as they asked, once each."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psutil
import pytest

from tests.person import Caller, Person, make_configurations
from tests.stack import Stack, running_stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack

ROUNDS = int(os.environ.get("LAUNCHPAD_TEST_ROUNDS", "20"))
SETTLED_SECONDS = 120.0
LATEST = 0.6  # seconds after a request at which something is killed
# Each program twice as often as all at once, which costs a whole start.
VICTIMS = ["worker", "worker", "web", "web", "valkey", "valkey", "gateway", "gateway", "supervisor", "everything"]


@dataclass
class DesiredState:
    """What has been asked for, and was answered.

    Args:
        running: deployment -> configuration that it is to run.
    """

    running: dict[str, str] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)


class Killer:
    """Kills one program at a random moment of each round, and lets the installation come up again."""

    def __init__(self, stack: Stack, chance: random.Random) -> None:
        self._stack = stack
        self._chance = chance
        self._victims = (VICTIMS * ROUNDS)[:ROUNDS]
        chance.shuffle(self._victims)

    def strike(self) -> str:
        """Wait for the moment and kill; return what was killed."""
        victim = self._victims.pop()
        threading.Event().wait(self._chance.uniform(0, LATEST))
        if victim == "everything":
            self._stack.kill()
            self._stack.start()
        elif victim == "supervisor":
            _supervisor(self._stack).kill()
        else:
            self._stack.process(victim).kill()
        return victim


def _supervisor(stack: Stack) -> psutil.Process:
    """Return the process of the supervisor, once there is one."""

    def find() -> psutil.Process | None:
        assert stack.up is not None
        children = psutil.Process(stack.up.pid).children()
        return next((child for child in children if any("supervisord" in word for word in child.cmdline())), None)

    found = wait_until(find, timeout=60, what="there is a supervisor")
    assert found is not None
    return found


def request_change(
    person: Person, chance: random.Random, configurations: dict[str, str], desired: DesiredState
) -> None:
    """Ask for one thing: most often a new deployment, else an update, a stop or a deletion of one there is."""
    kinds = ["create", "create", "update", "stop"] if desired.running else ["create"]
    kind = chance.choice([*kinds, "delete"] if desired.stopped else kinds)
    if kind == "create":
        name = chance.choice(list(configurations))
        desired.running[person.create(configurations[name])] = name
    elif kind == "update":
        deployment = chance.choice(list(desired.running))
        other = next(name for name in configurations if name != desired.running[deployment])
        person.update(deployment, configurations[other])
        desired.running[deployment] = other
    elif kind == "stop":
        deployment = chance.choice(list(desired.running))
        person.stop(deployment)
        del desired.running[deployment]
        desired.stopped.add(deployment)
    else:
        deployment = chance.choice(list(desired.stopped))
        person.delete(deployment)
        desired.stopped.remove(deployment)
        desired.deleted.add(deployment)


def test_twenty_times_kill_9_while_people_work() -> None:
    """A failure names its seed; LAUNCHPAD_TEST_SEED repeats its requests and its victims."""
    seed = int(os.environ.get("LAUNCHPAD_TEST_SEED", random.randrange(10_000)))
    desired = DesiredState()
    with running_stack() as stack, ThreadPoolExecutor(1) as people:
        configurations = make_configurations(stack, a={}, b={})
        person = Person(stack)
        killer = Killer(stack, random.Random(seed))
        chance = random.Random(seed + 1)
        for _ in range(ROUNDS):
            asked = people.submit(request_change, person, chance, configurations, desired)
            killer.strike()
            asked.result()
        _adopt_unanswered(stack, configurations, desired)
        _check_the_end(stack, desired, f"LAUNCHPAD_TEST_SEED={seed}")


def _adopt_unanswered(stack: Stack, configurations: dict[str, str], desired: DesiredState) -> None:
    """Deployments whose creation was asked for twice, as the first answer was lost, are wanted as well."""
    names = {pk.replace("-", ""): name for name, pk in configurations.items()}
    known = desired.running.keys() | desired.stopped | desired.deleted
    for pk, configuration in stack.rows("SELECT id, configuration_id FROM deployments_deployment"):
        if pk not in known:
            desired.running[pk] = names[configuration]


def _check_the_end(stack: Stack, desired: DesiredState, hint: str) -> None:
    expected = dict.fromkeys(desired.running, "RUNNING") | dict.fromkeys(desired.stopped, "STOPPED")
    found: dict[str, str] = {}

    def settled() -> bool:
        nonlocal found
        found = dict(stack.rows("SELECT id, status FROM deployments_deployment"))
        return found == expected and _served(stack) == desired.running

    try:
        wait_until(settled, timeout=SETTLED_SECONDS, what="all deployments are in their desired state", pause=0.2)
    except AssertionError as error:
        raise AssertionError(f"{hint}: {error} Expected {expected}, found {found}, served {_served(stack)}") from error
    wait_until(lambda: stack.health() == 200, timeout=60, what="the web server is back from its last death")
    caller = Caller(stack)
    for deployment in desired.running:
        wait_until(lambda pk=deployment: caller.status(pk) == 200, timeout=20, what=f"{deployment} answers")  # type: ignore[misc]
    assert {caller.status(deployment) for deployment in desired.stopped} <= {503}
    assert {caller.status(deployment) for deployment in desired.deleted} <= {404}
    _check_the_traces(stack, desired)


def _served(stack: Stack) -> dict[str, str]:
    """Return deployment -> configuration of all model servers; a second one of a deployment fails the test later."""
    servers = stack.model_servers()
    counts = Counter(replica.split("-")[0] for replica in servers.values())
    served = {}
    for pid, replica in servers.items():
        deployment = replica.split("-")[0]
        try:
            name = psutil.Process(pid).cmdline()[-1]
        except (psutil.Error, IndexError):
            continue
        served[deployment] = name if counts[deployment] == 1 else f"{counts[deployment]} servers"
    return served


def _check_the_traces(stack: Stack, desired: DesiredState) -> None:
    """Nothing is left of what was deleted, and the history of the others is whole."""
    folders = {path.name.split("-")[0] for path in (stack.home / "replicas").glob("d*")}
    assert not folders & desired.deleted
    created = {
        pk for (pk,) in stack.rows("SELECT deployment_id FROM deployments_deploymentevent WHERE reason = 'Created'")
    }
    assert created >= desired.running.keys() | desired.stopped
