"""A gateway for each test, and model servers that end with it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from tests.gateway.running import Gateway, ModelServer
from tests.stack import free_ports


@pytest.fixture
def home(settings: Settings) -> Iterator[Path]:
    """A new LAUNCHPAD_HOME; short, for the sockets in it."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-"))
    settings.LAUNCHPAD_HOME = folder
    settings.LAUNCHPAD_PORT, settings.LAUNCHPAD_GATEWAY_PORT = free_ports(2)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def gateway(home: Path) -> Iterator[Gateway]:
    """A running gateway that knows no deployment yet."""
    made = Gateway()
    made.start()
    yield made
    made.close()


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
