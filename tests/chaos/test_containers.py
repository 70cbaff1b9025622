"""On containers the same promises hold as on this machine: what people ask for happens, whatever is killed."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.runtimes.containers import labels
from tests.container_installation import FOLDER, RUN_SECONDS, TEMPLATES, ContainerInstallation, container_installation
from tests.engine import IMAGE, Engine, NoEngine, client_of, push, running_registry
from tests.person import path_of
from tests.python_image import import_python_image
from tests.traffic import Traffic, crowd
from tests.waiting import wait_until

pytestmark = pytest.mark.stack

CROWD = Path(__file__).parent / "templates.yaml"


@pytest.fixture(scope="module")
def python(engine: Engine) -> str:
    return import_python_image(engine)


@pytest.fixture(scope="module")
def installation(engine: Engine) -> Iterator[ContainerInstallation]:
    with (
        tempfile.TemporaryDirectory() as folder,
        container_installation(engine, Path(folder), *TEMPLATES, CROWD) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def registry(installation: ContainerInstallation) -> Iterator[str]:
    """A registry whose password the resource group has."""
    try:
        with running_registry() as address:
            installation.registry_secret(address)
            yield address
    except NoEngine as none:
        pytest.skip(str(none))


@pytest.fixture(scope="module")
def configurations(installation: ContainerInstallation, python: str) -> dict[str, str]:
    """Two configurations of two replicas, which answer with their name."""
    return {name: installation.configuration("crowd", "two-replicas", image=python, name=name) for name in ("a", "b")}


@pytest.fixture(scope="module")
def deployment(installation: ContainerInstallation, configurations: dict[str, str]) -> str:
    """Two replicas that run, for all tests that leave them so."""
    deployment = installation.create(configurations["a"])
    installation.until(deployment, "RUNNING")
    return deployment


@pytest.fixture
def traffic(installation: ContainerInstallation, deployment: str) -> Iterator[Traffic]:
    """A hundred requests a second to it."""
    caller = installation.caller
    with crowd(caller.pool, path_of(deployment), caller.headers) as seen:
        yield seen


def test_templates_as_they_are_written_run_until_they_are_deleted_and_nothing_is_left(
    installation: ContainerInstallation, python: str, registry: str
) -> None:
    there = push(installation.engine, registry, "team/greeting:1")
    installation.secret("api", token="12345678")
    words = installation.artifact("words", "red green blue")
    greeting = installation.artifact("greeting", "the model")
    made = {
        "private-image": installation.configuration(
            "greeting", "private-image", {"greetingmodel": greeting}, image=there, greeting="good day"
        ),
        "model-at-mnt-models": installation.configuration(
            "words", "model-at-mnt-models", {"vocabulary": words}, image=python, weight="2"
        ),
        "open-port": installation.configuration("echo", "open-port", image=IMAGE),
        "language-model": installation.configuration("text", "language-model", image=python),
        "metrics-port": installation.configuration("ports", "metrics-port", image=python),
    }
    assert made.keys() == {path.stem for path in FOLDER.glob("*.yaml")}

    run = {name: installation.create(configuration) for name, configuration in made.items()}
    for deployment in run.values():
        installation.until(deployment, "RUNNING")

    def score(text: str) -> object:
        return installation.ask(run["model-at-mnt-models"], "v1/predict", {"text": text}).json()

    assert installation.ask(run["private-image"], "index.html").data == b"good day"
    assert installation.ask(run["private-image"], "model").data == b"the model"
    assert score("red or blue") == {"score": 4.0}
    assert installation.ask(run["open-port"], "length").data == b"8"
    assert installation.ask(run["language-model"], "v1/models").json()["shm_bytes"] == 256 << 20
    assert installation.ask(run["metrics-port"], "x").data == b"8080"
    wait_until(
        lambda: any("POST /v1/predict" in line for line in installation.logs(run["model-at-mnt-models"])),
        what="the request is in the log",
    )

    heavier = installation.configuration(
        "words", "model-at-mnt-models", {"vocabulary": words}, image=python, weight="3"
    )
    installation.update(run["model-at-mnt-models"], heavier)
    wait_until(lambda: score("red or blue") == {"score": 6.0}, timeout=RUN_SECONDS, what="the new one answers")

    installation.until(run["model-at-mnt-models"], "RUNNING")
    installation.stop(*run.values())
    assert [installation.containers(deployment) for deployment in run.values()] == [[]] * 5
    installation.delete(*run.values())
    for deployment in run.values():
        wait_until(
            lambda pk=deployment: not installation.containers(pk, everything=True),  # type: ignore[misc]
            timeout=RUN_SECONDS,
            what=f"nothing is left of {deployment}",
        )
    assert all("-artifact-" in name for name in installation.volumes())  # those of artifacts that are still there
    for artifact in (words, greeting):
        installation.stack.manage("shell", "--no-imports", "-c", _DELETE_ARTIFACT.format(pk=artifact))
    installation.stack.manage("shell", "--no-imports", "-c", _REMOVE_UNUSED.format(pk=installation.connection))
    assert installation.volumes() == []


_DELETE_ARTIFACT = """
from deployments.models import Artifact
Artifact.objects.filter(pk={pk!r}).delete()
"""
_REMOVE_UNUSED = """
from deployments import reconciler
reconciler.remove_unused_files({pk})
"""


def test_a_killed_worker_and_a_killed_engine_cost_no_request_and_what_runs_is_adopted(
    installation: ContainerInstallation, deployment: str, traffic: Traffic
) -> None:
    before = installation.containers(deployment)
    assert len(before) == 2

    installation.stack.process("worker").kill()
    installation.engine.stop(signal.SIGKILL)
    traffic.more()
    _wait_for_contact(installation, lost=True)
    assert installation.stack.status(deployment) == "RUNNING"
    installation.engine.start()
    _wait_for_contact(installation, lost=False)
    traffic.more()

    assert traffic.failures == []
    assert installation.containers(deployment) == before
    assert installation.stack.status(deployment) == "RUNNING"


def test_after_kill_9_of_everything_of_ours_containers_are_adopted(
    installation: ContainerInstallation, deployment: str
) -> None:
    before = installation.containers(deployment)
    installation.stack.kill()
    assert installation.containers(deployment) == before
    installation.stack.start()
    _wait_for_contact(installation, lost=False)

    assert installation.ask(deployment, "/").json() == {"server": "a"}
    assert installation.containers(deployment) == before
    assert installation.stack.status(deployment) == "RUNNING"


def _wait_for_contact(installation: ContainerInstallation, *, lost: bool) -> None:
    """Wait until the engine has been asked again, or until its silence is noted."""
    query = "SELECT contacted_at, unreachable_since FROM deployments_connectionstatus WHERE connection_id = ?"
    before = installation.stack.rows(query, installation.connection)

    def noted() -> bool:
        ((contact, unreachable),) = installation.stack.rows(query, installation.connection)
        return bool(unreachable) if lost else not unreachable and contact != before[0][0]

    wait_until(noted, timeout=RUN_SECONDS, what="the connection is known to be away" if lost else "it has answered")


def test_a_killed_replica_comes_back_and_costs_no_request_that_is_safe_to_repeat(
    installation: ContainerInstallation, deployment: str, traffic: Traffic
) -> None:
    before = installation.containers(deployment)
    with client_of(installation.engine.address) as client:
        os.kill(int(client.api.inspect_container(before[0])["State"]["Pid"]), signal.SIGKILL)

    def is_back() -> bool:
        now = installation.containers(deployment)
        return len(now) == 2 and before[0] not in now and before[1] in now

    wait_until(is_back, timeout=RUN_SECONDS, what="it is back", pause=0.2)
    traffic.more()
    assert traffic.unexpected == []
    installation.until(deployment, "RUNNING")


def test_an_update_costs_no_request(
    installation: ContainerInstallation, deployment: str, configurations: dict[str, str], traffic: Traffic
) -> None:
    before = installation.containers(deployment)
    installation.update(deployment, configurations["b"])

    def is_done() -> bool:
        now = installation.containers(deployment)
        return len(now) == 2 and not set(now) & set(before)

    wait_until(is_done, timeout=RUN_SECONDS, what="the new replicas alone are there", pause=0.2)
    traffic.more()
    assert traffic.failures == []
    assert set(traffic.answered) == {"a", "b"}
    assert installation.ask(deployment, "/").json() == {"server": "b"}


def test_a_container_of_ours_without_a_deployment_is_removed_and_nobody_elses_is_touched(
    installation: ContainerInstallation, deployment: str
) -> None:
    replica = {labels.REPLICA: "d0123456789abcde-1-0", labels.DEPLOYMENT: "d0123456789abcde"}
    with client_of(installation.engine.address) as client:
        api = client.api
        ours = api.containers(filters={"label": f"{labels.DEPLOYMENT}={deployment}"})[0]["Labels"] | replica
        marks = {"orphan": ours, "other-installation": {**ours, labels.INSTALLATION: "another"}, "nobody": {}}
        waits = {"Image": IMAGE, "Entrypoint": ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"]}
        for name, mark in marks.items():
            api.start(api.create_container_from_config({**waits, "Labels": mark}, name=name)["Id"])

        def states() -> dict[str, str]:
            rows = {row["Names"][0].lstrip("/"): row["State"] for row in api.containers(all=True)}
            return {name: state for name, state in rows.items() if name in marks}

        wait_until(lambda: "orphan" not in states(), timeout=RUN_SECONDS, what="the orphan is gone", pause=0.2)
        assert states() == {"other-installation": "running", "nobody": "running"}
        for name in states():
            api.remove_container(name, force=True)
    assert len(installation.containers(deployment)) == 2


def test_an_image_that_does_not_exist_ends_dead_at_once_with_its_sentence(
    installation: ContainerInstallation, registry: str
) -> None:
    greeting = {"greetingmodel": installation.artifact("greeting", "the model")}
    image = f"{registry}/team/none:1"
    deployment = installation.create(installation.configuration("greeting", "private-image", greeting, image=image))

    found = installation.until(deployment, "DEAD")["statusDetails"]

    assert f"There is no image {image} in its registry" in found["message"]
    query = "SELECT max(r.attempt) FROM deployments_replica r WHERE r.name LIKE ?"
    assert installation.stack.rows(query, f"{deployment}-%") == [(1,)]
    assert installation.containers(deployment, everything=True) == []
    installation.delete(deployment)


def test_a_server_that_takes_more_than_its_memory_is_told_so(installation: ContainerInstallation, python: str) -> None:
    deployment = installation.create(installation.configuration("crowd", "too-much-memory", image=python))
    sentence = "The server used more than its 128 MB of memory and was ended."

    wait_until(
        lambda: sentence in installation.api("GET", f"lm/deployments/{deployment}")["statusDetails"]["message"],
        timeout=RUN_SECONDS,
        what=f"its status says: {sentence}",
        pause=0.2,
    )
    installation.stop(deployment)
    installation.delete(deployment)
