"""A gateway for each test, or one for all tests of a module that only look, and model servers that end with it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from pytest_django.fixtures import Settings

from deployments.auth import tokens
from deployments.gateway import sync
from tests.environment import HOME
from tests.gateway.running import Gateway, ModelServer, routed
from tests.stack import free_ports


@contextmanager
def _new_home() -> Iterator[dict[str, Any]]:
    """Give the settings of a new LAUNCHPAD_HOME."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-"))  # short, for the sockets in it
    shutil.copytree(_token_keys(), folder / "tokens")
    port, gateway_port = free_ports(2)
    yield {"LAUNCHPAD_HOME": folder, "LAUNCHPAD_PORT": port, "LAUNCHPAD_GATEWAY_PORT": gateway_port}
    shutil.rmtree(folder)


@cache
def _token_keys() -> Path:
    """Make the keys of the access tokens once: it takes longer than the start of a gateway."""
    home = Path(HOME) / "home-with-token-keys"
    with override_settings(LAUNCHPAD_HOME=home):
        tokens.ensure_key()
    return home / "tokens"


@contextmanager
def _running() -> Iterator[Gateway]:
    gateway = Gateway()
    gateway.start()
    yield gateway
    gateway.close()


@pytest.fixture
def home(settings: Settings) -> Iterator[Path]:
    """A new LAUNCHPAD_HOME."""
    with _new_home() as values:
        for name, value in values.items():
            setattr(settings, name, value)  # which takes it back in the right order with what the test sets itself
        yield values["LAUNCHPAD_HOME"]


@pytest.fixture
def gateway(home: Path) -> Iterator[Gateway]:
    """A running gateway that knows no deployment yet."""
    with _running() as made:
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
    with _new_home() as values, override_settings(**values), _running() as made:
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
