"""What containers cost beside servers that are started by hand and beside the local runtime, on an engine."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

import psutil
import yaml

from tests.bench.figures import Figure, seconds, tell
from tests.bench.installation import _CREATE, _SERVER, MANY, TIMES, _answers, _running_after
from tests.container_installation import GROUP, ContainerInstallation, container_installation
from tests.engine import Engine, NoEngine, running_engine
from tests.environment import free_port
from tests.person import Caller, Person, make_configurations, path_of
from tests.python_image import import_python_image
from tests.waiting import wait_until

CLIENTS = 8
LOAD_SECONDS = 10.0
ROUNDS = 3  # of requests, at the local runtime and at containers in turn
SETTLE_SECONDS = 20.0
IDLE_SECONDS = 60.0
_RUNNING = """SELECT count(*) FROM deployments_deployment WHERE status = 'RUNNING' AND resource_group_id = ?"""


def measure() -> Iterator[Figure]:
    """Measure; where there is no engine, say so."""
    try:
        with running_engine() as engine, tempfile.TemporaryDirectory() as name:
            image = import_python_image(engine)
            template = Path(name) / "hello.yaml"
            template.write_text(yaml.safe_dump(_template(image)))
            with container_installation(engine, Path(name), template) as installation:
                yield from _measure(installation, image)
    except NoEngine as none:
        tell(none)


def _template(image: str) -> dict[str, object]:
    """Return a template of the server that the local runtime's figures are measured with."""
    container = {
        "name": "kserve-container",
        "image": image,
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}},
        "command": ["python3", "-c"],
        "args": [_SERVER.read_text()],
    }
    return {
        "apiVersion": "ai.sap.com/v1alpha1",
        "kind": "ServingTemplate",
        "metadata": {
            "name": "hello",
            "labels": {"scenarios.ai.sap.com/id": "hello", "ai.sap.com/version": "1.0.0"},
        },
        "spec": {
            "template": {
                "apiVersion": "serving.kserve.io/v1beta1",
                "metadata": {"labels": {"ai.sap.com/resourcePlan": "nano"}},
                "spec": {"predictor": {"containers": [container]}},
            }
        },
    }


def _measure(installation: ContainerInstallation, image: str) -> Iterator[Figure]:
    configuration = installation.configuration("hello", "hello")
    yield from _create(installation, configuration, image)
    yield from _requests(installation, configuration)
    deployments = yield from _many(installation, configuration)
    threading.Event().wait(SETTLE_SECONDS)
    yield from _idle(installation)
    installation.stop(*deployments)


def _create(installation: ContainerInstallation, configuration: str, image: str) -> Iterator[Figure]:
    by_hand, times = [], []
    for _ in range(TIMES):  # in turn, as others load the machine
        by_hand.append(_seconds_by_hand(installation, image))
        deployment = installation.create(configuration)
        installation.until(deployment, "RUNNING")
        times.append(_running_after(installation.stack, deployment))
        installation.stop(deployment)
        installation.delete(deployment)
    yield Figure(what="podman run by hand until it answers", value=median(by_hand), unit="s")
    yield Figure(what="Create to RUNNING, a container", value=median(times), unit="s")
    longer = median(ours - theirs for ours, theirs in zip(times, by_hand, strict=True))
    yield Figure(what="Create to RUNNING, longer than by hand", value=longer, unit="s", limit=1.5)


def _seconds_by_hand(installation: ContainerInstallation, image: str) -> float:
    port, engine = free_port(), installation.engine
    publish = f"--publish=127.0.0.1:{port}:8080"
    start = time.perf_counter()
    run = engine.podman("run", "--detach", publish, "--env=HOST=0.0.0.0", image, "-c", _SERVER.read_text())
    assert run.returncode == 0, run.stderr
    wait_until(lambda: _answers(installation.stack, port), what="it answers", pause=0.005)
    taken = time.perf_counter() - start
    engine.podman("rm", "--force", "--time=0", run.stdout.strip())
    return taken


def _requests(installation: ContainerInstallation, configuration: str) -> Iterator[Figure]:
    stack = installation.stack
    (local_configuration,) = make_configurations(stack, hello={}).values()
    local, container = Person(stack).create(local_configuration), installation.create(configuration)
    for deployment in (local, container):
        installation.wait(deployment, "RUNNING")
    local_caller = Caller(stack)
    rates: dict[str, list[float]] = {"the local runtime": [], "a container": []}
    for _ in range(ROUNDS):
        rates["the local runtime"].append(_rate(local_caller, local))
        rates["a container"].append(_rate(installation.caller, container))
    for what, found in rates.items():
        yield Figure(what=f"Requests by the gateway to {what}", value=median(found), unit="1/s")
    Person(stack).stop(local)
    installation.stop(container)
    installation.delete(container)


def _rate(caller: Caller, deployment: str) -> float:
    """Return how many requests a second are answered to a few clients that wait for each answer."""
    counts = [0] * CLIENTS
    end = time.monotonic() + LOAD_SECONDS

    def client(number: int) -> None:
        with caller.pool() as pool:
            while time.monotonic() < end:
                answer = pool.request("GET", path_of(deployment), headers=caller.headers)
                assert answer.status == 200, answer.data
                counts[number] += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return sum(counts) / LOAD_SECONDS


def _many(installation: ContainerInstallation, configuration: str) -> Generator[Figure, None, list[str]]:
    """Start many at once; return their ids."""
    stack, person = installation.stack, Person(installation.stack)
    waits: list[float] = []
    cpu = _cpu_of(installation)
    start = time.perf_counter()
    found = stack.manage("shell", "--no-imports", "-c", _CREATE.format(pk=configuration, count=MANY)).split()

    def all_run() -> bool:
        waits.append(seconds(lambda: person.see("deployments/")))
        return stack.rows(_RUNNING, GROUP) == [(MANY,)]

    wait_until(all_run, timeout=600, what="all run", pause=0.2)
    yield Figure(what=f"{MANY} containers at once until all RUNNING", value=time.perf_counter() - start, unit="s")
    yield from cpu(f"  CPU of {{}}, {MANY} starts", per_second=False)
    yield Figure(what="  the list meanwhile, median", value=median(waits) * 1000, unit="ms", limit=200)
    yield Figure(what="  the list meanwhile, slowest", value=max(waits) * 1000, unit="ms")
    return found


def _idle(installation: ContainerInstallation) -> Iterator[Figure]:
    cpu = _cpu_of(installation)
    threading.Event().wait(IDLE_SECONDS)
    yield from cpu(f"{MANY} idle containers: CPU of {{}}", per_second=True)


def _cpu_of(installation: ContainerInstallation) -> Callable[..., Iterator[Figure]]:
    """Return what gives the CPU since now of our programs, and of the engine's service with what it has started."""
    began, ours_before, engine_before = time.monotonic(), _used(installation), _engine_used(installation.engine)

    def figures(what: str, *, per_second: bool) -> Iterator[Figure]:
        lasted, now = time.monotonic() - began, _used(installation)
        ours = sum(used - ours_before.get(process, 0.0) for process, used in now.items())
        engine = _engine_used(installation.engine) - engine_before
        for who, used in (("Launchpad", ours), ("the engine", engine)):
            value, unit = (100 * used / lasted, "%") if per_second else (used, "s")
            yield Figure(what=what.format(who), value=value, unit=unit)

    return figures


def _used(installation: ContainerInstallation) -> dict[psutil.Process, float]:
    """Return the CPU seconds of each of our processes that lives."""
    found = {}
    for process in installation.stack.all_processes():
        with suppress(psutil.NoSuchProcess):
            found[process] = _cpu(process)
    return found


def _engine_used(engine: Engine) -> float:
    """Return the CPU of the service and of the programs that it has run to their end."""
    times = psutil.Process(engine.pid).cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
