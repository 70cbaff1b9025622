"""A sandbox is around every model server, whoever has started Launchpad."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from deployments.checks import check_sandbox, check_settings
from deployments.messages import render
from deployments.runtimes.local import options
from deployments.runtimes.preparation import confine, sandbox
from deployments.runtimes.preparation.rights import RightsRefused, rights_for
from deployments.runtimes.preparation.sandbox import SandboxSettings
from tests.runtimes.attacks import ATTACKS, NEEDS, REFUSED, outcomes
from tests.runtimes.conftest import NewMachine
from tests.runtimes.hostile import sleepers, write_package
from tests.runtimes.machine import PYTHON, ROOT, Machine

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become an ordinary user")
complete = pytest.mark.skipif(bool(sandbox.missing()), reason="the kernel has not all of Landlock")
_PROGRAM = "import sys; from tests.runtimes.attacks import main; main(*sys.argv[1:])"


def as_ordinary_user(folder: Path, level: str, requirement: str = "") -> dict[str, Any]:
    """Let an ordinary user run Launchpad, and return what came of the tries of its servers, or of a build."""
    home = folder / "home"
    home.mkdir()
    shutil.chown(home, "nobody")
    off = SandboxSettings(level=sandbox.OFF)
    rights = rights_for("nobody", home, PYTHON, off).showing(ROOT, Path(sys.prefix), home)
    program = [sys.executable, "-c", _PROGRAM, str(home), level, requirement]
    trial = {"rights": asdict(rights), "command": ["/bin/sh", "-c", f'cd {ROOT} && exec "$@"', "sh", *program]}
    done = subprocess.run(
        [sys.executable, "-I", "-S", confine.__file__],
        input=json.dumps(trial),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@complete
@as_root
def test_a_package_that_an_ordinary_user_builds_sees_no_secrets_and_leaves_nobody(open_folder: Path) -> None:
    line = write_package(open_folder, home=open_folder / "home", victim=Path("/none"), sleeps="1234567")

    found = as_ordinary_user(open_folder, sandbox.BEST, line)

    assert found["secret"] == "FileNotFoundError"
    assert {found[name] for name in ("home", "written", "etc")} == {"PermissionError"}
    assert found["no_new_privs"] == ["1"]
    assert sleepers("1234567") == []


def succeeded(found: dict[str, str], names: dict[str, str]) -> list[str]:
    return [name for name in names if found[name] not in REFUSED]


@complete
@as_root
def test_a_server_of_an_ordinary_user_reaches_nothing_of_launchpad_or_of_other_servers(open_folder: Path) -> None:
    found = as_ordinary_user(open_folder, sandbox.BEST)

    assert succeeded(found, ATTACKS) == []
    assert {found[name] for name in NEEDS} == {"done"}, found


@complete
def test_a_server_reaches_nothing_of_launchpad_or_of_other_servers(machine: Machine) -> None:
    found = outcomes(machine)

    assert succeeded(found, ATTACKS) == []
    assert {found[name] for name in NEEDS} == {"done"}, found


@as_root
def test_without_the_sandbox_a_server_of_an_ordinary_user_reaches_everything(open_folder: Path) -> None:
    """The tries above are real ones: each succeeds where nothing keeps it."""
    found = as_ordinary_user(open_folder, sandbox.OFF)

    assert set(ATTACKS) == set(succeeded(found, ATTACKS)), found


@complete
def test_what_is_private_is_kept_wherever_it_lies_and_what_lies_beside_it_is_not(
    new_machine: NewMachine, open_folder: Path
) -> None:
    (open_folder / "inner").mkdir()
    for name in ("database", "inner/key", "inner/beside", "beside"):
        (open_folder / name).write_text(name)
    private = (open_folder / "database", open_folder / "inner/key")
    machine = new_machine(sandbox=SandboxSettings(folders=(open_folder,), private=private))

    names = ("database", "inner/key", "inner/beside", "beside")
    machine.run("; ".join(f"cat {open_folder}/{name}; echo" for name in names))

    assert [line for line in machine.lines() if line] == ["inner/beside", "beside"]


def test_the_key_and_the_database_are_private(settings: Settings, tmp_path: Path) -> None:
    settings.LAUNCHPAD_TLS_KEY = str(tmp_path / "key.pem")
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db")}
    settings.DATABASES = {"default": database}

    private = sandbox.of_settings().private

    assert {path.name for path in private} == {"key.pem", "db", "db-wal", "db-shm", "db-journal"}


@pytest.fixture
def old_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel whose Landlock restricts files alone."""
    monkeypatch.setattr(sandbox, "landlock_version", lambda: 3)
    monkeypatch.setattr(sandbox, "hides_sockets", lambda: True)


def test_where_the_kernel_has_less_a_required_sandbox_is_refused_with_what_to_do(
    old_kernel: None, tmp_path: Path
) -> None:
    with pytest.raises(RightsRefused) as refused:
        rights_for("root", tmp_path, PYTHON, SandboxSettings(level=sandbox.REQUIRE))

    said = render(refused.value.message)
    assert "ports (Linux 6.7), signals (Linux 6.12)" in said
    assert "LAUNCHPAD_SANDBOX=best" in said


@complete
def test_a_required_sandbox_is_entered_where_the_kernel_has_it(new_machine: NewMachine) -> None:
    machine = new_machine(sandbox=SandboxSettings(level=sandbox.REQUIRE))

    machine.run(f"cat {machine.home}/replicas/*/attempt-1/spec.json; echo ended")

    assert machine.lines() == ["ended"]


@complete
def test_an_older_landlock_restricts_what_it_can(old_kernel: None, new_machine: NewMachine) -> None:
    machine = new_machine(sandbox=SandboxSettings())
    (machine.home / "secrets-key").write_text("the key")
    (machine.home / "secrets-key").chmod(0o644)

    machine.run(f"cat {machine.home}/secrets-key; kill -0 $PPID && echo signalled; mkdir a; echo > b; mv b a; ls a")

    assert machine.lines()[-1] == "b"
    assert "the key" not in machine.lines()


@complete
def test_a_program_elsewhere_is_not_executed_and_its_message_says_what_to_set(
    new_machine: NewMachine, open_folder: Path
) -> None:
    program = open_folder / "program"
    program.write_text("#!/bin/sh\necho runs\n")
    program.chmod(0o755)

    kept = new_machine()
    kept.start(str(program))
    assert "LAUNCHPAD_SANDBOX_FOLDERS" in render(kept.ended().message)

    allowed = new_machine(sandbox=SandboxSettings(folders=(open_folder,)))
    allowed.start(str(program))
    allowed.ended()
    assert allowed.lines() == ["runs"]


def said(settings: Settings, level: str) -> list[Any]:
    settings.LAUNCHPAD_SANDBOX = level
    return [(message.id, message.msg) for message in check_sandbox(None)]


def test_the_check_names_the_level_and_what_is_missing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, old_kernel: None
) -> None:
    begin = "The sandbox around model servers restricts"
    missing = f"{begin}: files, sockets. Missing: ports (Linux 6.7), signals (Linux 6.12)."
    assert said(settings, sandbox.BEST) == [("launchpad.W001", missing)]
    assert said(settings, sandbox.OFF) == [("launchpad.W001", "The sandbox around model servers is switched off.")]
    assert options.isolation() == "switched off (LAUNCHPAD_SANDBOX=off)"

    monkeypatch.setattr(sandbox, "landlock_version", lambda: 6)
    everything = f"{begin}: files, ports, signals, sockets."
    assert said(settings, sandbox.BEST) == [("launchpad.I001", everything)]
    assert options.isolation() == "files, ports, signals, sockets"

    monkeypatch.setattr(sandbox, "landlock_version", lambda: 0)
    lacking = "files (Linux 5.13), ports (Linux 6.7), signals (Linux 6.12), sockets (user namespaces)"
    assert options.isolation() == f"none, missing: {lacking}"


def test_a_level_that_there_is_not_is_found(settings: Settings) -> None:
    settings.LAUNCHPAD_SANDBOX = "much"

    assert "launchpad.E011" in [message.id for message in check_settings(None)]


def test_the_check_of_deployments_tells_the_level() -> None:
    assert {message.id for message in run_checks(include_deployment_checks=True)} & {
        "launchpad.I001",
        "launchpad.W001",
    }
