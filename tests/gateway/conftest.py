"""A gateway for each test, or one for all tests of a module that only look, and model servers that end with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import override_settings
from pytest_django.fixtures import Settings

from deployments.gateway import sync
from tests.gateway.running import Gateway, ModelServer, new_home, routed, running_gateway


@pytest.fixture
def home(settings: Settings) -> Iterator[Path]:
    """A new LAUNCHPAD_HOME."""
    with new_home() as values:
        for name, value in values.items():
            setattr(settings, name, value)  # which takes it back in the right order with what the test sets itself
        yield values["LAUNCHPAD_HOME"]


@pytest.fixture
def gateway(home: Path) -> Iterator[Gateway]:
    """A running gateway that knows no deployment yet."""
    with running_gateway() as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """The one behind `served`."""
    made = ModelServer(tmp_path_factory.mktemp("served"), "one")
    yield made
    made.kill()


@pytest.fixture(scope="module")
def served(server: ModelServer) -> Iterator[Gateway]:
    """A gateway with one deployment that serves, of the group GROUP, for tests that change nothing about it."""
    with new_home() as values, override_settings(**values), running_gateway() as made:
        sync.apply(routed(1, server.server()))
        yield made


@pytest.fixture
def model_server(tmp_path: Path) -> Iterator[Callable[..., ModelServer]]:
    """Makes model servers: `model_server("a")`."""
    made: list[ModelServer] = []

    def make(name: str, port: int = 0) -> ModelServer:
        made.append(ModelServer(tmp_path, name, port))
        return made[-1]

    yield make
    for one in made:
        one.kill()
