"""What `make image` builds fits the tree, and it says what is missing where nothing can be built."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from deployments.serving_template.modules import DISTRIBUTION
from launchpad import health
from launchpad.home import BASE_DIR
from launchpad.version import IMAGE, MODEL_SERVERS_IMAGE, VERSION
from tests.model_servers.serving import built_in_templates

CONTAINERFILE = (BASE_DIR / "Containerfile").read_text().replace("\\\n", " ")
MODEL_SERVERS = BASE_DIR / "deployments" / "model_servers"
LEFT_OUT = {"tests", ".ci"}  # folders that no image needs


def test_what_is_copied_from_the_tree_is_there_and_is_given_to_the_engine() -> None:
    shown = [line[1:] for line in _lines(BASE_DIR / ".dockerignore") if line.startswith("!")]
    copied = _copied_from_the_tree()

    assert "launchpad" in copied
    assert [path for path in copied if not (BASE_DIR / path).exists()] == []
    assert [path for path in copied if Path(path).parts[0] not in shown] == []
    assert [path for path in shown if not any(Path(one).parts[0] == path for one in copied)] == []


def test_the_image_of_launchpad_has_every_folder_that_the_tests_do_not_have_to_themselves() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=BASE_DIR, check=True, capture_output=True, text=True).stdout
    folders = {Path(path).parts[0] for path in tracked.splitlines() if len(Path(path).parts) > 1}

    assert folders - LEFT_OUT == folders & _copied_from_the_tree()


def test_the_model_servers_image_has_what_the_built_in_templates_require() -> None:
    required = {
        line
        for template in built_in_templates().values()
        for line in template.server.requirements
        if "{{" not in line and Requirement(line).name != DISTRIBUTION
    }

    assert required
    assert required == set(_lines(MODEL_SERVERS / "requirements.in"))


@pytest.mark.parametrize("lock", ["requirements.txt", "deployments/model_servers/requirements.txt"])
def test_each_lock_that_an_image_is_built_from_has_the_versions_that_are_asked_for_with_hashes(lock: str) -> None:
    text = (BASE_DIR / lock).read_text()
    locked = {line.split(" ")[0] for line in text.splitlines() if "==" in line}
    asked = [line.partition(";")[0].strip() for line in _lines((BASE_DIR / lock).with_suffix(".in"))]

    assert f"COPY {lock} ." in CONTAINERFILE
    assert [one for one in asked if "==" in one and one not in locked] == []
    assert text.count("--hash=sha256:") >= len(locked) > 20


def test_both_images_run_what_is_in_the_tree_and_carry_the_version() -> None:
    modules = re.findall(r'CMD \["python", "-m", "([\w.]+)"', CONTAINERFILE)

    assert sorted(modules) == ["launchpad.health", "launchpad.up", "launchpad_model_servers.hello_server"]
    for module in modules:
        path = Path(*module.split(".")).with_suffix(".py")
        assert (BASE_DIR / path).is_file() or (MODEL_SERVERS / path).is_file()
    assert CONTAINERFILE.count('org.opencontainers.image.version="${VERSION}"') == 2


def test_make_image_builds_both_under_the_names_that_launchpad_knows_them_by(tmp_path: Path) -> None:
    engine = _engine(tmp_path, "podman version 5.0.0")
    make = _make(f"ENGINE={engine} --remote", "BUILD_ARGS=--build-arg BASE=own")
    builds = [line for line in (tmp_path / "asked").read_text().splitlines() if "--version" not in line]
    built = {_after(line, "--tag"): _after(line, "--target") for line in builds}

    assert make.returncode == 0, make.stderr
    assert built == {IMAGE: "launchpad", MODEL_SERVERS_IMAGE: "model-servers"}
    assert all(line.startswith("--remote build ") and f"--build-arg VERSION={VERSION} " in line for line in builds)
    assert all("--format docker" in line and line.endswith(" --build-arg BASE=own .") for line in builds)


def test_the_manual_runs_the_image_of_this_version() -> None:
    assert f" {IMAGE}\n" in (BASE_DIR / "README.md").read_text()


def test_make_image_asks_docker_for_nothing_that_only_podman_knows(tmp_path: Path) -> None:
    engine = _engine(tmp_path, "Docker version 27.0.0, build 1")

    assert _make(f"ENGINE={engine}").returncode == 0
    assert "--format" not in (tmp_path / "asked").read_text()


def test_make_image_says_what_to_do_where_no_engine_answers(tmp_path: Path) -> None:
    for name in ("docker", "podman"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    make = _make(path=f"{tmp_path}:{os.environ['PATH']}")

    assert make.returncode != 0
    assert make.stderr.startswith("No container engine answers here. Install Docker or Podman and start it")


def test_the_health_check_of_the_image_fails_when_nobody_answers() -> None:
    settings = {"LAUNCHPAD_PORT": "1", "PATH": os.defpath}
    command = [sys.executable, "-m", "launchpad.health"]
    done = subprocess.run(command, cwd=BASE_DIR, env=settings, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, "Launchpad does not respond.\n")


@pytest.mark.parametrize(
    ("bind", "url", "asked"),
    [
        ("0.0.0.0", "https://models.example.com:8443", ("127.0.0.1", 8000, "models.example.com")),
        ("::", "", ("::1", 8000, "localhost")),
        ("10.0.0.7", "http://localhost:8000", ("10.0.0.7", 8000, "localhost")),
    ],
)
def test_the_health_is_asked_at_an_address_and_by_a_name_that_are_served(
    bind: str, url: str, asked: tuple[str, int, str]
) -> None:
    assert health.address(bind, 8000, url) == asked


def _lines(path: Path) -> list[str]:
    """Return the lines of a file that are neither empty nor comments."""
    lines = [line.partition(" #")[0].strip() for line in path.read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _copied_from_the_tree() -> set[str]:
    copies = re.findall(r"^COPY (?!--from)(.+)$", CONTAINERFILE, re.MULTILINE)
    return {path.removesuffix("/") for line in copies for path in line.split()[:-1]}


def _engine(folder: Path, version: str) -> Path:
    """Return a program that notes what it is asked for in `asked` and builds nothing."""
    program = folder / "engine"
    program.write_text(f'#!/bin/sh\necho "$*" >> {shlex.quote(str(folder / "asked"))}\necho "{version}"\n')
    program.chmod(0o755)
    return program


def _make(*settings: str, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path or os.environ["PATH"]}
    command = ["make", "image", *settings]
    return subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)


def _after(line: str, option: str) -> str:
    words = line.split()
    return words[words.index(option) + 1]
