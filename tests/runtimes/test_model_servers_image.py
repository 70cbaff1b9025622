"""Templates that name the package of the model servers, and no image, run in the image that `make image` builds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.lifecycle import ReplicaPhase
from deployments.messages import render
from deployments.runtimes.registry import driver_of
from launchpad.version import MODEL_SERVERS_IMAGE
from tests.engine import IMAGE, Engine
from tests.model_servers.serving import built_in_templates
from tests.runtimes.engine_machine import EngineMachine, remove_everything

Start = Callable[..., EngineMachine]


@pytest.fixture
def start(engine: Engine, tmp_path: Path) -> Iterator[Start]:
    """Start a server of that package on a connection with options of one's own."""

    def make(**options: str) -> EngineMachine:
        machine = EngineMachine(engine, tmp_path, **options)
        machine.start(image="", requirements=("kserve==0.21.0", "launchpad-model-servers"))
        return machine

    yield make
    remove_everything(engine)


@pytest.fixture
def built(engine: Engine) -> Iterator[None]:
    """Give the engine an image of that name."""
    tagged = engine.podman("tag", IMAGE, MODEL_SERVERS_IMAGE)
    assert tagged.returncode == 0, tagged.stderr
    yield
    engine.podman("untag", MODEL_SERVERS_IMAGE, MODEL_SERVERS_IMAGE)


def test_every_built_in_template_can_run_on_a_connection_to_containers() -> None:
    driver = driver_of("containers")

    problems = {name: driver.check(name, template.server) for name, template in built_in_templates().items()}

    assert set(problems) >= {"custom-server", "sklearn-server"}
    assert set(problems.values()) == {None}


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("named", ["", MODEL_SERVERS_IMAGE])
def test_a_connection_uses_the_image_that_make_image_builds_without_being_told(start: Start, named: str) -> None:
    machine = start(model_servers_image=named, pull_policy="always")  # there is no registry to pull it from
    machine.until(ReplicaPhase.HEALTHY)


def test_where_the_image_was_not_built_the_sentence_says_how_to(start: Start) -> None:
    ended = start().ended()

    assert (ended.message.reason, ended.permanent) == ("NoServersImage", True)
    assert f"The engine has no image {MODEL_SERVERS_IMAGE}" in render(ended.message)
    assert "build it there with `make image`" in render(ended.message)


def test_another_image_can_be_named(start: Start) -> None:
    start(model_servers_image=IMAGE).until(ReplicaPhase.HEALTHY)
