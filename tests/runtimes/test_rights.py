"""Model servers, and all that is prepared for them, never have Launchpad's rights."""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import uuid
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from deployments.lifecycle import ReplicaPhase
from deployments.messages import Message, render
from deployments.runtimes.base import ArtifactSource
from deployments.runtimes.preparation import confine
from deployments.runtimes.preparation.cache import scope_of
from deployments.runtimes.preparation.rights import Rights, closed_folder, rights_for
from deployments.runtimes.preparation.sandbox import SandboxSettings
from tests.runtimes.conftest import NewMachine
from tests.runtimes.hostile import sleepers, write_package
from tests.runtimes.machine import PYTHON, Machine

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root has rights to give up")
_HOW: dict[str, Any] = {"capture_output": True, "text": True, "cwd": ROOT, "timeout": 60, "check": False}
_PR_CAPBSET_DROP, _CAP_SYS_ADMIN = 24, 21
_REPORT = "import json, hostile; print(json.dumps(hostile.FOUND))"


@pytest.fixture
def machine(new_machine: NewMachine, open_folder: Path) -> Machine:
    """One whose servers may read the open folder, too."""
    return new_machine(sandbox=SandboxSettings(folders=(ROOT, open_folder)))


def build_hostile(machine: Machine, folder: Path) -> tuple[dict[str, Any], Path, str]:
    """Deploy what asks for the hostile package; return what it found, its environment and how its sleeper is known."""
    (machine.home / "secrets-key").write_text("the key of all secrets")
    (machine.home / "secrets-key").chmod(0o644)  # so that its own rights are not what keeps it
    victim = folder / "victim"
    victim.write_text("untouched")
    victim.chmod(0o600)
    sleeps = f"{uuid.uuid4().int % 10**6 + 10**6}"
    line = write_package(folder, home=machine.home, victim=victim, sleeps=sleeps)
    machine.start("python", "-c", _REPORT, requirements=[line])
    machine.ended(timeout=60)
    lines = machine.lines()
    assert lines, [line.text for line in machine.logs()]
    (marker,) = (machine.home / "envs").glob("**/.complete")
    return json.loads(lines[-1]), marker.parent, sleeps


@as_root
def test_a_package_that_is_built_has_no_rights_sees_no_secrets_and_leaves_nobody(
    machine: Machine, open_folder: Path
) -> None:
    found, environment, sleeps = build_hostile(machine, open_folder)

    assert found["uid"] == pwd.getpwnam("nobody").pw_uid
    assert found["no_new_privs"] == ["1"]
    assert found["secret"] == "FileNotFoundError"
    assert found["home"] == "PermissionError"
    assert found["written"] == found["etc"] == "PermissionError"
    assert found["secrets"] == []
    assert not (machine.home / "written-by-hostile").exists()
    assert (environment / "survivor").exists()
    assert sleepers(sleeps) == []
    assert not list(environment.parent.glob("*.scratch"))


@as_root
def test_an_environment_is_ours_when_it_is_made_and_links_in_it_are_not_followed(
    machine: Machine, open_folder: Path
) -> None:
    found, environment, _ = build_hostile(machine, open_folder)

    assert (found["link"], found["marker"]) == (None, None)  # it could lay them
    victim = open_folder / "victim"
    assert (victim.stat().st_mode & 0o777, victim.read_text()) == (0o600, "untouched")
    assert not (environment / ".complete").is_symlink()
    for path in (environment, *environment.rglob("*")):
        status = path.lstat()
        assert status.st_uid == 0, path
        assert path.is_symlink() or not status.st_mode & 0o022, path


@as_root
def test_a_server_can_change_neither_its_environment_nor_see_what_is_not_its_own(
    machine: Machine, open_folder: Path
) -> None:
    line = write_package(open_folder, home=machine.home, victim=open_folder / "none", sleeps="0")
    (machine.home / "artifacts").mkdir()
    script = (
        'bin=$(dirname "$(command -v python)"); touch "$bin/python" 2>&1; touch "$bin/new" 2>&1;'
        f"ls {machine.home} {machine.home}/replicas 2>&1; id -u; grep NoNewPrivs /proc/self/status"
    )

    machine.run(script, requirements=[line])

    said = machine.lines()
    assert sum("Permission denied" in line for line in said) == 4
    assert "artifacts" not in said
    assert said[-2:] == [str(pwd.getpwnam("nobody").pw_uid), "NoNewPrivs:\t1"]


@as_root
def test_a_file_in_a_folder_that_is_closed_to_others_is_shown_to_its_server_alone(
    new_machine: NewMachine, open_folder: Path
) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    for name in ("model", "other"):
        (closed / name).write_text(name)
    machine = new_machine(allowed_roots=(closed,))

    fetch = ArtifactSource(placeholder="model", url=f"file://{closed}/model")
    machine.run(f"cat {{{{runtime.artifacts.model}}}}; echo; ls {closed}", fetches=[fetch])

    assert machine.lines() in (["model"], ["model", "model"])  # the sandbox keeps the list of the folder, too


@as_root
def test_groups_share_no_environment_that_they_have_chosen_and_all_use_ours(machine: Machine) -> None:
    preparation = machine.runtime.preparation()
    ours, theirs = ["kserve==0.21.0"], ["anything==1"]
    (preparation.environment_folder(ours)).mkdir(parents=True)
    (preparation.environment_folder(ours) / ".complete").touch()

    folders = {
        (group, key): _environment_of(machine, group, lines)
        for group in ("one", "two")
        for key, lines in (("ours", ours), ("theirs", theirs))
    }

    assert folders["one", "ours"] == folders["two", "ours"]
    assert folders["one", "theirs"] != folders["two", "theirs"]


@as_root
def test_what_was_built_for_a_group_goes_with_the_group_but_not_what_runs(machine: Machine, open_folder: Path) -> None:
    line = write_package(open_folder, home=machine.home, victim=open_folder / "none", sleeps="0")
    for number, group in enumerate(("stays", "goes", "runs")):
        script = "echo runs; exec sleep 600" if group == "runs" else "true"
        spec = machine.spec("/bin/sh", "-c", script, name=f"{machine.id}-1-{number}", requirements=[line])
        machine.runtime.start(replace(spec, resource_group=group))
        if group == "runs":
            machine.until_said("runs")  # its phase is STARTING before its environment is prepared, too
        else:
            machine.until(ReplicaPhase.EXITED, spec.name)

    assert machine.runtime.remove_unused(["stays"], []) == 2  # the environment and the cache of its builds

    assert {path.name for path in (machine.home / "envs").glob("group-*")} == {scope_of("stays"), scope_of("runs")}


def _environment_of(machine: Machine, group: str, lines: list[str]) -> str:
    folder = machine.home / "replicas" / group / "attempt-1"
    folder.mkdir(parents=True, exist_ok=True)
    spec = replace(machine.spec("true", requirements=lines), resource_group=group)
    path: str = machine.runtime._spec_builder.spec_file(spec, folder, 1)["env"]["PATH"]
    return path.split(":")[0]


@as_root
def test_root_is_what_servers_run_as_only_when_it_is_insisted_on(new_machine: NewMachine) -> None:
    machine = new_machine(run_as="root")

    machine.run("id -u")

    assert machine.lines() == ["0"]


def without_namespaces() -> None:
    """In a child: what root may do in a container that was not given CAP_SYS_ADMIN."""
    ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_SYS_ADMIN, 0, 0, 0)


_START = """
import json, sys
from pathlib import Path
from deployments.errors import RuntimeRejected
from deployments.runtimes.preparation.sandbox import SandboxSettings
from tests.runtimes.machine import Machine
sandbox = SandboxSettings(folders=(Path.cwd(),))
machine = Machine(Path(sys.argv[1]), sandbox=sandbox)
try:
    machine.run("id -u")
    print("uid", *machine.lines())
except RuntimeRejected as refused:
    print(json.dumps(refused.message.to_json()))
machine.end()
"""


@as_root
def test_where_rights_cannot_be_given_up_servers_are_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    tmp_path.chmod(0o700)
    command = [sys.executable, "-c", _START, str(tmp_path / "home")]

    done = subprocess.run(
        command, preexec_fn=without_namespaces, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )

    refusal = render(Message.from_json(json.loads(done.stdout)))
    assert "cannot reach" in refusal
    assert "LAUNCHPAD_RUN_AS=root" in refusal


@as_root
def test_a_home_that_is_closed_itself_is_refused_too_where_there_are_no_namespaces(open_folder: Path) -> None:
    home = open_folder / "home"
    home.mkdir(mode=0o700)

    done = subprocess.run(
        [python_for_everybody(), "-c", _START, str(home)],
        preexec_fn=without_namespaces,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{sysconfig.get_path('purelib')}"},
        **_HOW,
    )

    refusal = render(Message.from_json(json.loads(done.stdout)))
    assert f"as {home} is closed to others" in refusal
    assert "LAUNCHPAD_HOME in folders that everybody may pass" in refusal


_BUILD = """
import os, sys
from pathlib import Path
from deployments.runtimes.preparation.sandbox import SandboxSettings
from tests.runtimes.machine import Machine
os.umask(0o077)
sandbox = SandboxSettings(folders=(Path(sys.argv[1]).parent,))
machine = Machine(Path(sys.argv[1]), uv=sys.argv[2], sandbox=sandbox)
code = f"import launchpad_model_servers\\n{sys.argv[4]}"
machine.start("python3", "-c", code, requirements=[sys.argv[3], "launchpad-model-servers"])
machine.ended(timeout=60)
print(*machine.lines() or [line.text for line in machine.logs()])
machine.end()
"""


def python_for_everybody() -> str:
    """Return an interpreter of our version that lies in no closed folder; skip the test where there is none."""
    nobody = pwd.getpwnam("nobody")
    for path in (PYTHON, "/usr/bin/python3", "/usr/local/bin/python3"):
        if Path(path).exists() and closed_folder(Path(path), nobody.pw_uid, nobody.pw_gid) is None:
            code = "import sys; print(sys.version_info[:2])"
            asked = subprocess.run([path, "-c", code], capture_output=True, text=True, check=True)
            if asked.stdout.strip() == str(sys.version_info[:2]):
                return path
    pytest.skip("every interpreter of this version lies in a closed folder")


@as_root
@pytest.mark.parametrize("namespaces", [True, False])
def test_where_everything_is_open_rights_are_given_up_with_and_without_namespaces(
    open_folder: Path, namespaces: bool
) -> None:
    home = open_folder / "home"
    home.mkdir(mode=0o711)
    (home / "secrets-key").touch(mode=0o600)
    line = write_package(open_folder, home=home, victim=open_folder / "none", sleeps="0")
    uv = str(Path(sys.executable).with_name("uv"))

    done = subprocess.run(
        [python_for_everybody(), "-c", _BUILD, str(home), uv, line, _REPORT],
        preexec_fn=None if namespaces else without_namespaces,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{sysconfig.get_path('purelib')}"},
        **_HOW,
    )

    assert done.stdout.startswith("{"), done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["uid"] == pwd.getpwnam("nobody").pw_uid
    assert found["secret"] == ("FileNotFoundError" if namespaces else "PermissionError")
    assert found["written"] == "PermissionError"
    # Where others of the same user could reach it, no build leaves a cache to the next one.
    assert (home / "cache" / "builds").exists() is namespaces


_CHECK = """
import django
django.setup()
from django.core.checks import run_checks
from django.test import override_settings
print(*run_checks(), sep="\\n")
with override_settings(LAUNCHPAD_RUN_AS="root"):
    print("insisted:", *run_checks())
"""


@as_root
def test_the_check_of_the_settings_refuses_what_the_runtime_refuses(tmp_path: Path, settings: Settings) -> None:
    tmp_path.chmod(0o700)
    settings.LAUNCHPAD_HOME = str(tmp_path)
    env = {**os.environ, "LAUNCHPAD_HOME": str(tmp_path), "DJANGO_SETTINGS_MODULE": "launchpad.settings"}

    done = subprocess.run([sys.executable, "-c", _CHECK], env=env, preexec_fn=without_namespaces, **_HOW)
    refused, insisted = done.stdout.split("insisted:")

    assert "launchpad.E010" in refused
    assert "LAUNCHPAD_RUN_AS=root" in refused
    assert insisted.strip() == ""
    assert "launchpad.E010" not in [problem.id for problem in run_checks()], "where there are namespaces"


@as_root
def test_an_ordinary_user_runs_servers_as_themselves_without_new_rights(open_folder: Path) -> None:
    """Launchpad itself runs as nobody here, with the interpreter and this checkout shown to it."""
    home = open_folder / "home"
    home.mkdir()
    shutil.chown(home, "nobody")
    rights = rights_for("nobody", home, PYTHON, SandboxSettings(level="off")).showing(ROOT, Path(sys.prefix), home)
    program = [sys.executable, "-c", _START, str(home)]
    trial = {"rights": asdict(rights), "command": ["/bin/sh", "-c", f'cd {ROOT} && exec "$@"', "sh", *program]}

    done = subprocess.run(
        [sys.executable, "-I", "-S", confine.__file__],
        input=json.dumps(trial),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.split() == ["uid", str(pwd.getpwnam("nobody").pw_uid)], done.stderr


@as_root
def test_a_download_finds_its_modules_in_a_checkout_that_is_closed_to_its_user(tmp_path: Path) -> None:
    checkout, user = tmp_path / "closed" / "launchpad", pwd.getpwnam("nobody")
    (checkout / "deployments").mkdir(parents=True)
    shutil.copy(ROOT / "deployments" / "__init__.py", checkout / "deployments")
    runtimes = Path(shutil.copytree(ROOT / "deployments" / "runtimes", checkout / "deployments" / "runtimes"))
    (tmp_path / "closed").chmod(0o700)
    rights = Rights(user=(user.pw_uid, user.pw_gid), hidden=(str(tmp_path),)).showing(
        Path(PYTHON).parents[1], runtimes
    )
    job = json.dumps({"url": "file:///none", "target": "/none", "draft": "/none", "sha256": ""})
    program = ["/usr/bin/env", f"FETCH={job}", PYTHON, "-I", str(runtimes / "preparation" / "fetch.py")]

    done = subprocess.run(
        [PYTHON, "-I", "-S", confine.__file__],
        input=json.dumps({"rights": asdict(rights), "command": program}),
        **_HOW,
    )

    assert done.stdout.startswith('{"reason": "NothingThere"'), done.stderr
