"""Templates as users of AI Core write them run unchanged on a real engine; the head of each says what must happen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import urllib3
from pytest_django import Settings

from deployments.lifecycle import ReplicaPhase
from deployments.runtimes.base import ArtifactSource, Resources
from deployments.serving_template import parse, render
from tests.engine import IMAGE, PASSWORD, USER, Engine, NoEngine, push, running_registry
from tests.python_image import import_python_image
from tests.runtimes.engine_machine import EngineMachine

FOLDER = Path(__file__).parents[1] / "serving_template" / "templates"


@pytest.fixture
def registry(engine: Engine) -> Iterator[str]:
    try:
        with running_registry() as address:
            yield address
    except NoEngine as none:
        pytest.skip(str(none))


@pytest.fixture(scope="module")
def python_image(engine: Engine) -> str:
    return import_python_image(engine)


def start(machine: EngineMachine, name: str, image: str, model: Path | None = None, **values: Any) -> None:
    """Start what a template describes, with the defaults of its parameters."""
    (template,) = parse((FOLDER / f"{name}.yaml").read_text(), to_import=True)
    slots = [artifact.name for artifact in template.artifacts]
    artifacts = {slot: f"{{{{runtime.artifacts.{slot}}}}}" for slot in slots}
    server = render(template, parameters={"image": image}, artifacts=artifacts)
    machine.runtime.start(
        machine.spec(
            image=server.image,
            args=server.args,
            command=server.command,
            port=server.ports[0],
            env=server.env,
            fetches=tuple(ArtifactSource(placeholder=slot, url=f"file://{model}") for slot in slots),
            resource_group="default",
            health_path=server.health_path,
            health_check=server.health_check,
            model=server.model,
            mounts=server.mounts,
            working_dir=server.working_dir,
            read_only_root=server.read_only_root,
            **values,
        )
    )


def answers(machine: EngineMachine, *paths: str) -> Mapping[str, tuple[int, bytes]]:
    endpoint = machine.until(ReplicaPhase.HEALTHY).endpoint
    assert endpoint is not None
    found = {}
    for path in paths:
        url = f"http://{endpoint.host}:{endpoint.port}{path}"
        answer = urllib3.request("GET", url, timeout=5, retries=False)
        found[path] = (answer.status, answer.data)
    return found


def test_a_private_image_serves_the_model_at_mnt_models(
    containers: EngineMachine, registry: str, tmp_path: Path, settings: Settings
) -> None:
    settings.LAUNCHPAD_FILE_ROOTS = [tmp_path]
    (tmp_path / "weights").write_text("the model")
    image = push(containers.engine, registry, "greeting:1")
    config = json.dumps({"auths": {registry: {"username": USER, "password": PASSWORD}}})

    start(containers, "private-image", image, tmp_path / "weights", pull_secrets=(config,))

    found = answers(containers, "/index.html", "/model")
    assert found == {"/index.html": (200, b"hello"), "/model": (200, b"the model")}


def test_a_server_without_a_health_path_is_healthy_when_its_port_is_open(containers: EngineMachine) -> None:
    start(containers, "open-port", IMAGE, secret_env={"API_TOKEN": "12345"})

    found = answers(containers, "/", "/length")
    assert (found["/"][0], found["/length"]) == (404, (200, b"5"))


def test_a_model_is_read_and_values_reach_args_and_env(
    containers: EngineMachine, python_image: str, tmp_path: Path, settings: Settings
) -> None:
    settings.LAUNCHPAD_FILE_ROOTS = [tmp_path]
    (tmp_path / "words").write_text("red green blue")

    start(containers, "model-at-mnt-models", python_image, tmp_path / "words")

    assert answers(containers, "/v1/health") == {"/v1/health": (200, b'{"words": 3}')}


def test_shared_memory_and_a_cache_are_there_on_a_root_that_cannot_be_written(
    containers: EngineMachine, python_image: str
) -> None:
    # Shared memory counts as the container's: more than its memory there cannot be.
    start(containers, "language-model", python_image, resources=Resources(cpu_millis=1000, memory_bytes=1 << 30))

    assert json.loads(answers(containers, "/v1/models")["/v1/models"][1]) == {
        "model": "example/tiny-chat",
        "cwd": "/tmp",
        "shm_bytes": 256 << 20,
        "root_is_read_only": True,
        "cache_is_writable": True,
    }


def test_the_entry_point_gets_the_arguments_and_the_probe_asks_its_own_port(
    containers: EngineMachine, python_image: str
) -> None:
    start(containers, "metrics-port", python_image)

    assert answers(containers, "/x") == {"/x": (404, b"8080")}
