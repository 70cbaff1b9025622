"""Environments and samples that the tests of the model servers share."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployments.serving_template import ServerSpec
from tests.model_servers.serving import Server, environment, server_spec_for

Start = Callable[..., Server]


@dataclass(frozen=True)
class Samples:
    """What train_samples.py wrote."""

    folder: Path
    artifacts: dict[str, dict[str, Any]]

    def file(self, name: str) -> Path:
        return self.folder / str(self.artifacts[name]["file"])

    def instances(self, name: str) -> list[list[float]]:
        instances: list[list[float]] = self.artifacts[name]["sample"]["instances"]
        return instances

    def expected(self, name: str) -> list[Any]:
        expected: list[Any] = self.artifacts[name]["sample"]["expected"]
        return expected


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    folder = tmp_path_factory.mktemp("samples")
    python = environment(server_spec_for("sklearn-server").requirements) / "bin" / "python"
    subprocess.run([python, "-m", "launchpad_model_servers.train_samples", folder], check=True, env={}, timeout=120)
    written = json.loads((folder / "samples.json").read_text())
    return Samples(folder, {artifact["name"]: artifact for artifact in written["artifacts"]})


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start servers that are stopped when the module's tests are over."""
    servers: list[Server] = []

    def begin(server_spec: ServerSpec, artifacts: dict[str, Path] | None = None) -> Server:
        server = Server(server_spec, tmp_path_factory.mktemp("server") / "log", artifacts)
        servers.append(server)
        return server

    yield begin
    for server in servers:
        server.process.terminate()
    for server in servers:
        server.process.wait(timeout=20)
