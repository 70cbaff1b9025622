"""The package of the model servers: built from the tree, installed into an environment, serving on HOST and PORT."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import urllib3
from urllib3.exceptions import HTTPError

from deployments.errors import RuntimeUnavailable
from deployments.lifecycle import ReplicaPhase
from deployments.runtimes.local.reading import specs_in_use
from deployments.runtimes.preparation import cache
from deployments.runtimes.wheel import SOURCE, digest, ensure_wheel
from deployments.serving_template.modules import DISTRIBUTION
from tests.runtimes.machine import Machine
from tests.stack import free_ports
from tests.waiting import wait_until

UV = str(Path(sys.executable).with_name("uv"))
PYTHON = os.path.realpath(sys.executable)
NOWHERE = "http://127.0.0.1:9/simple"  # an index that nobody answers at
SERVES = ("python", "-m", "launchpad_model_servers.hello_server")


def build(folder: Path, source: Path = SOURCE) -> Path:
    return ensure_wheel(folder, uv=UV, python=PYTHON, source=source)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the model servers that may be changed."""
    copy = tmp_path / "tree"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def empty_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has our package and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    wheel = build(folder / "wheels")
    subprocess.run([UV, "venv", "--quiet", "--python", PYTHON, folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([UV, "pip", "install", "--quiet", "--offline", "--python", python, wheel], check=True)
    return python


@contextmanager
def serving(python: Path, address: str, **env: str) -> Iterator[str]:
    """Run the light server until the end of the block; yield what it has said once it answers at an address."""
    with subprocess.Popen(
        [python, "-m", "launchpad_model_servers.hello_server"], env=env, cwd="/", stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            wait_until(lambda: answers(address), what=f"it answers at {address}")
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()
        assert server.wait() == 0


def answers(address: str) -> bool:
    try:
        return urllib3.request("GET", f"http://{address}/", retries=False, timeout=5).status == 200
    except HTTPError:
        return False


def test_in_an_environment_without_anything_else_it_serves_on_host_and_port(empty_environment: Path) -> None:
    (port,) = free_ports(1)
    with serving(empty_environment, f"127.0.0.2:{port}", HOST="127.0.0.2", PORT=str(port)) as said:
        assert said == f"Listening on 127.0.0.2:{port}"
        assert not answers(f"127.0.0.1:{port}")


def test_it_listens_on_all_addresses_when_it_is_told_to_as_in_a_container(empty_environment: Path) -> None:
    (port,) = free_ports(1)
    with serving(empty_environment, f"127.0.0.2:{port}", HOST="0.0.0.0", PORT=str(port)) as said:
        assert said == f"Listening on 0.0.0.0:{port}"


def test_the_package_needs_nothing_and_brings_every_module(empty_environment: Path) -> None:
    found = subprocess.run(
        [UV, "pip", "freeze", "--python", empty_environment], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert [line.partition(" @ ")[0] for line in found] == [DISTRIBUTION]
    (package,) = empty_environment.parents[1].glob("lib/python*/site-packages/launchpad_model_servers")
    tree = SOURCE / "launchpad_model_servers"
    assert sorted(path.name for path in package.glob("*.py")) == sorted(path.name for path in tree.glob("*.py"))


def test_the_same_tree_elsewhere_is_the_same_wheel_and_a_changed_one_is_another(tmp_path: Path, tree: Path) -> None:
    wheel = build(tmp_path / "wheels")
    made_at = wheel.stat().st_mtime_ns
    assert build(tmp_path / "wheels", tree) == wheel
    assert wheel.stat().st_mtime_ns == made_at

    server = tree / "launchpad_model_servers" / "hello_server.py"
    server.write_text(server.read_text().replace("Hello!", "Good morning!"))
    other = build(tmp_path / "wheels", tree)
    assert (other.name, other.parent.name) == (wheel.name, digest(tree))
    assert other.parent != wheel.parent
    assert wheel.exists()


def test_everybody_may_read_a_wheel_and_nobody_else_may_change_it(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        wheel = build(tmp_path / "wheels")
    finally:
        os.umask(mask)
    assert [path.stat().st_mode & 0o777 for path in (wheel, wheel.parent, wheel.parents[1])] == [0o644, 0o755, 0o755]


def test_several_processes_may_build_it_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        built = list(threads.map(lambda _: build(tmp_path / "wheels"), range(4)))
    assert len(set(built)) == 1
    assert [path.name for path in (tmp_path / "wheels").iterdir()] == [digest()]


def test_a_tree_that_cannot_be_built_is_told_and_leaves_nothing(tmp_path: Path, tree: Path) -> None:
    (tree / "pyproject.toml").write_text("[project]\nname = 1\n")
    with pytest.raises(RuntimeUnavailable, match="package of the model servers cannot be built: "):
        build(tmp_path / "wheels", tree)
    assert list((tmp_path / "wheels").iterdir()) == []


def test_a_server_of_the_package_is_installed_without_asking_any_index(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("UV_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", NOWHERE)
    began = time.monotonic()
    machine.start(*SERVES, requirements=[DISTRIBUTION])
    machine.until(ReplicaPhase.HEALTHY, timeout=60)
    assert answers(f"127.0.0.1:{machine.port()}")
    assert f"Listening on 127.0.0.1:{machine.port()}" in machine.lines()
    assert time.monotonic() - began < 30, "an index was asked"
    said = machine.lines("launchpad")
    assert any(line.startswith("compiled ") for line in said)
    assert len(list(machine.home.glob("envs/**/__pycache__/hello_server.*.pyc"))) == 1


def test_a_changed_server_is_another_environment_and_an_unchanged_one_the_same(machine: Machine, tree: Path) -> None:
    here = machine.runtime.preparation()
    elsewhere = replace(here, source=tree)
    lines = ["fastapi==0.115.0", DISTRIBUTION]
    assert elsewhere.environment_folder(lines) == here.environment_folder(lines[::-1])

    server = tree / "launchpad_model_servers" / "hello_server.py"
    server.write_text(server.read_text() + "# changed\n")
    assert elsewhere.environment_folder(lines) != here.environment_folder(lines)
    assert elsewhere.environment_folder(lines[:1]) == here.environment_folder(lines[:1])


def test_what_was_made_with_other_model_servers_goes_when_no_server_runs_with_it(machine: Machine) -> None:
    def remove(version: str) -> list[Path]:
        envs, wheels, replicas = (machine.home / name for name in ("envs", "wheels", "replicas"))
        return cache.remove_of_other_versions(envs, wheels, version, lambda: specs_in_use(replicas))

    machine.start(*SERVES, requirements=[DISTRIBUTION])
    machine.until(ReplicaPhase.HEALTHY, timeout=60)
    assert remove("another") == []

    machine.stop()
    machine.ended()
    assert remove(digest()) == []
    assert len(remove("another")) == 2
    assert [*machine.home.glob("wheels/*")] == [*machine.home.glob("envs/**/.complete")] == []
