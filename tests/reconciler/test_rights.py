"""What a server of a deployment may do, asked of the server itself through the gateway."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from pytest_django import Settings

from deployments.lifecycle import Status
from deployments.models import Deployment
from deployments.runtimes import registry
from tests.reader import read_api, read_page
from tests.reconciler.world import World

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root has rights to give up")

# Answers what it is, and what happens when it does to each of the paths in PATHS what a thief would.
SERVER = """
import http.server, json, os
def attempt(act):
    try:
        return act() or "done"
    except OSError as error:
        return type(error).__name__
def found():
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in open("/proc/self/status"))}
    return {
        "uids": os.getresuid(), "gids": os.getresgid(), "groups": os.getgroups(),
        "no_new_privs": status["NoNewPrivs"],
        "capabilities": [status[name] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")],
        "read": {path: attempt(lambda: open(path, "rb").read(1)[:0]) for path in json.loads(os.environ["READ"])},
        "written": {path: attempt(lambda: open(path, "ab").close()) for path in json.loads(os.environ["WRITE"])},
        "listed": {path: attempt(lambda: sorted(os.listdir(path))) for path in json.loads(os.environ["LIST"])},
        "root again": attempt(lambda: os.setuid(0)),
        "launcher": attempt(lambda: os.kill(int(os.environ["LAUNCHER"]), 0)),
        "variables": sorted(os.environ),
    }
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(found()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def run_as(settings: Settings) -> Any:
    """Let servers run as another user."""

    def changed(user: str) -> None:
        settings.LAUNCHPAD_RUN_AS = user
        registry.close_all()

    yield changed
    registry.close_all()


@pytest.fixture
def without_sandbox(settings: Settings) -> Iterator[None]:
    """Let the user and the mount namespace of servers be all that keeps them."""
    settings.LAUNCHPAD_SANDBOX = "off"
    registry.close_all()
    yield
    registry.close_all()


@pytest.fixture
def in_groups() -> Iterator[None]:
    """Be in groups beside root's, as a service that was started by an administrator may be."""
    before = os.getgroups()
    os.setgroups([4, 6])
    yield
    os.setgroups(before)


def deploy(world: World, *, read: list[Path], write: list[Path], listed: list[Path]) -> Deployment:
    asks = {"READ": read, "WRITE": write, "LIST": listed}
    variables = [f"{name}={json.dumps([str(path) for path in paths])}" for name, paths in asks.items()]
    command = ("env", *variables, f"LAUNCHER={os.getpid()}", "python3", "-c", SERVER)
    return world.until_status(world.deploy(world.configure_command("thief", *command)), Status.RUNNING)


def asked(world: World, deployment: Deployment) -> dict[str, Any]:
    status, body = world.ask(deployment)
    assert status == 200
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.mark.parametrize("user", ["nobody", "daemon"])
@pytest.mark.usefixtures("in_groups")
def test_a_server_is_the_user_of_the_setting_and_no_more(world: World, run_as: Any, user: str) -> None:
    run_as(user)
    uid, gid = pwd.getpwnam(user)[2:4]

    found = asked(world, deploy(world, read=[], write=[], listed=[]))

    assert found["uids"] == [uid] * 3
    assert found["gids"] == [gid] * 3
    assert found["groups"] == [], "none of Launchpad's groups is left"
    assert {int(mask, 16) for mask in found["capabilities"]} == {0}
    assert found["no_new_privs"] == "1"
    assert found["root again"] == "PermissionError"
    assert found["launcher"] == "PermissionError", "it may signal no process of Launchpad's"
    assert [name for name in found["variables"] if "LAUNCHPAD" in name or "SECRET" in name or "DATABASE" in name] == []


@pytest.mark.usefixtures("without_sandbox")
def test_a_server_sees_nothing_of_the_home_but_what_is_its_own(world: World) -> None:
    home = Path(settings.LAUNCHPAD_HOME)
    neighbour = world.until_status(world.deploy(), Status.RUNNING)
    for name in ("secrets-key", "test.sqlite3"):
        (home / name).touch()
    secrets = [home / "secrets-key", home / "test.sqlite3", home / "tls" / "ca.pem", *world.specs(neighbour)]
    assert all(path.exists() for path in secrets)
    own = home / "replicas"

    deployment = deploy(
        world,
        read=[*secrets, Path("/etc/shadow"), Path(f"/proc/{os.getpid()}/environ")],
        write=[home / "new", Path("/etc/new"), Path(__file__)],
        listed=[home, own, home / "run"],
    )
    found = asked(world, deployment)

    assert set(found["read"].values()) <= {"FileNotFoundError", "PermissionError"}
    assert {found["read"][str(path)] for path in secrets} == {"FileNotFoundError"}, "not even that they are there"
    assert set(found["written"].values()) <= {"PermissionError", "FileNotFoundError", "OSError"}
    assert found["listed"][str(home / "run")] == "FileNotFoundError"
    assert found["listed"][str(own)] == [f"{deployment.pk}-1-0"], "no neighbour is seen"
    assert "secrets-key" not in found["listed"][str(home)]


def test_where_there_is_no_such_user_nothing_runs_and_everybody_reads_what_to_set(world: World, run_as: Any) -> None:
    run_as("nobody-of-that-name")
    deployment = world.deploy()

    world.until_status(deployment, Status.DEAD)

    words = "LAUNCHPAD_RUN_AS is nobody-of-that-name, and there is no such user"
    assert words in read_page(deployment)
    assert words in read_api(deployment)["statusMessage"]
    assert world.alive(deployment) == []
