"""Time and memory of a whole installation, as its users have it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import psutil
import urllib3

from launchpad.home import BASE_DIR
from tests.bench.figures import Figure, median_ms, seconds
from tests.person import Person, make_configurations
from tests.stack import Stack, free_ports, running_stack
from tests.waiting import wait_until

TIMES = 10
MANY = int(os.environ.get("LAUNCHPAD_TEST_MANY", "50"))
SETTLE_SECONDS = 20.0  # after a start, until nothing of it goes on
_SERVER = Path(BASE_DIR) / "deployments" / "model_servers" / "launchpad_model_servers" / "hello_server.py"
_CREATE = """
from deployments import operations
from deployments.bootstrap import seed
from deployments.models import Configuration
configuration = Configuration.objects.get(pk={pk!r})
for _ in range({count}):
    print(operations.create_deployment(seed.ACTOR, configuration.resource_group, configuration).pk)
"""


def measure() -> Iterator[Figure]:
    with running_stack(LAUNCHPAD_SANDBOX_FOLDERS=str(BASE_DIR)) as stack:
        (configuration,) = make_configurations(stack, hello={}).values()
        person = Person(stack)
        yield from _start(stack)
        threading.Event().wait(SETTLE_SECONDS)
        memory = sum(process.memory_full_info().pss for process in stack.all_processes())
        yield Figure(what="All processes of Launchpad, idle (PSS)", value=memory / 1e6, unit="MB", limit=300)
        yield Figure(what="An access token, with the network", value=median_ms(stack.token), unit="ms", limit=60)
        yield from _create(stack, person, configuration)
        yield from _kill(stack, person, configuration)
        yield from _many(stack, person, configuration)


def _start(stack: Stack) -> Iterator[Figure]:
    stack.stop()

    def start() -> None:
        stack.launch()
        wait_until(lambda: stack.health() == 200, timeout=60, what="it is ready")

    yield Figure(what="Second start until /healthz answers", value=seconds(start), unit="s", limit=6)


def _create(stack: Stack, person: Person, configuration: str) -> Iterator[Figure]:
    by_hand = median(_seconds_by_hand(stack) for _ in range(TIMES))
    times = []
    for _ in range(TIMES):
        deployment = person.create(configuration)
        wait_until(lambda pk=deployment: stack.status(pk) == "RUNNING", timeout=60, what="it runs")  # type: ignore[misc]
        times.append(_running_after(stack, deployment))
        person.stop(deployment)
        wait_until(lambda pk=deployment: stack.status(pk) == "STOPPED", timeout=60, what="it has ended")  # type: ignore[misc]
    yield Figure(what="The server started by hand until healthy", value=by_hand, unit="s")
    yield Figure(what="Create to RUNNING", value=median(times), unit="s")
    yield Figure(what="Create to RUNNING, longer than by hand", value=median(times) - by_hand, unit="s", limit=1.5)


def _running_after(stack: Stack, deployment: str) -> float:
    """Return the seconds from the creation of a deployment to RUNNING, as its history has them."""
    query = "SELECT (julianday(started_at) - julianday(created_at)) * 86400 FROM deployments_deployment WHERE id = ?"
    return float(stack.rows(query, deployment)[0][0])


def _seconds_by_hand(stack: Stack) -> float:
    port = free_ports(1)[0]
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, str(_SERVER)], env={"PORT": str(port)}, stdout=subprocess.DEVNULL
    ) as server:
        wait_until(lambda: _answers(stack, port), what="it answers", pause=0.005)
        taken = time.perf_counter() - start
        server.kill()
    return taken


def _answers(stack: Stack, port: int) -> bool:
    try:
        return stack.http.request("GET", f"http://127.0.0.1:{port}/").status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _kill(stack: Stack, person: Person, configuration: str) -> Iterator[Figure]:
    deployment = person.create(configuration)
    wait_until(lambda: stack.status(deployment) == "RUNNING", timeout=60, what="it runs")
    noticed, back = [], []
    for _ in range(TIMES // 2):
        pid = next(pid for pid, replica in stack.model_servers().items() if replica.startswith(deployment))
        psutil.Process(pid).kill()
        start = time.perf_counter()
        wait_until(lambda: stack.status(deployment) != "RUNNING", timeout=30, what="it is noticed", pause=0.005)
        noticed.append(time.perf_counter() - start)
        wait_until(lambda: stack.status(deployment) == "RUNNING", timeout=60, what="it runs again")
        back.append(time.perf_counter() - start)
    person.stop(deployment)
    yield Figure(what="kill -9 of the only replica until noticed", value=median(noticed), unit="s", limit=3)
    yield Figure(what="kill -9 of the only replica until RUNNING, first time", value=back[0], unit="s")


def _many(stack: Stack, person: Person, configuration: str) -> Iterator[Figure]:
    waits: list[float] = []
    start = time.perf_counter()
    found = stack.manage("shell", "--no-imports", "-c", _CREATE.format(pk=configuration, count=MANY)).split()

    def all_run() -> bool:
        waits.append(seconds(lambda: person.see("deployments/")))
        running = dict(stack.rows("SELECT id, status FROM deployments_deployment"))
        return all(running[pk] == "RUNNING" for pk in found)

    wait_until(all_run, timeout=300, what="all run", pause=0.2)
    waits.sort()
    yield Figure(what=f"{MANY} deployments at once until all RUNNING", value=time.perf_counter() - start, unit="s")
    yield Figure(what="  the list meanwhile, median", value=median(waits) * 1000, unit="ms", limit=200)
    at = int(len(waits) * 0.95)
    yield Figure(what="  the list meanwhile, slowest of twenty", value=waits[at] * 1000, unit="ms", limit=200)
    yield Figure(what="  the list meanwhile, slowest of all", value=waits[-1] * 1000, unit="ms")
