"""An installation goes on when its checkout is moved, and with what an older version has stored."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchpad.home import BASE_DIR
from tests.stack import Stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack

_PROGRAM = ("launchpad", "deployments", "templates", "static", "manage.py")
_STORE_AS_BEFORE = """
from deployments.models import Generation
for generation in Generation.objects.all():
    server_spec = generation.server_spec
    assert server_spec["command"][1:] == ["-m", "launchpad_model_servers.hello_server"], server_spec
    server_spec |= {{"command": ["python3", {server!r}], "requirements": []}}
    generation.save()
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of its own, which may be moved."""
    folder = tmp_path_factory.mktemp("checkouts") / "first"
    folder.mkdir()
    for name in _PROGRAM:
        source = Path(BASE_DIR) / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(0o755)  # for the user that servers run as, where there are no mount namespaces
    return folder


@pytest.fixture(scope="module")
def stack(checkout: Path) -> Iterator[Stack]:
    stack = Stack(root=checkout)
    try:
        stack.start()
        yield stack
    finally:
        stack.close()


@pytest.fixture(scope="module")
def deployment(stack: Stack) -> str:
    """A running deployment of the light server."""
    pk = stack.deploy()
    wait_until(lambda: stack.status(pk) == "RUNNING", timeout=60, what="the deployment is running")
    return pk


def kill_server(stack: Stack, deployment: str) -> None:
    """End the one server and wait until the deployment runs with another one."""
    (before,) = stack.model_servers()
    ((attempt,),) = stack.rows("SELECT attempt FROM deployments_replica")
    os.kill(before, signal.SIGKILL)
    wait_until(
        lambda: (
            stack.rows("SELECT attempt, phase FROM deployments_replica") == [(attempt + 1, "HEALTHY")]
            and stack.status(deployment) == "RUNNING"
        ),
        timeout=60,
        what="another server is healthy",
    )
    assert len(stack.model_servers().keys() - {before}) == 1


def test_after_a_move_a_server_that_dies_is_replaced(stack: Stack, deployment: str, checkout: Path) -> None:
    stack.kill()
    stack.root = checkout.rename(checkout.with_name("second"))
    stack.start()
    assert stack.status(deployment) == "RUNNING"

    kill_server(stack, deployment)


def test_what_an_older_version_has_stored_with_the_path_of_its_checkout_starts_again(
    stack: Stack, deployment: str
) -> None:
    server = "/somewhere/else/deployments/model_servers/hello_server.py"
    stack.manage("shell", "--no-imports", "-c", _STORE_AS_BEFORE.format(server=server))
    ((stored,),) = stack.rows("SELECT server_spec FROM deployments_generation")
    assert json.loads(stored)["command"] == ["python3", server]

    kill_server(stack, deployment)
