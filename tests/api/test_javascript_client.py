"""The official JavaScript clients on a real installation, where Node.js and npm are there."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.stack import running_stack

pytestmark = pytest.mark.stack

CLIENTS = Path(__file__).parent.parent / "clients"
MIN_NODE = 18
UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "ENETUNREACH")


@pytest.fixture(scope="module")
def node() -> str:
    """Node.js, with the clients that the lock file names installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node.js and npm are not installed: the JavaScript clients are not tried.")
    version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if int(version.lstrip("v").partition(".")[0]) < MIN_NODE:
        pytest.skip(f"Node.js {version} is too old for the JavaScript clients; {MIN_NODE} or newer is needed.")
    lock = CLIENTS / "package-lock.json"
    installed = CLIENTS / "node_modules" / ".installed"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        ran = subprocess.run([npm, "ci", "--loglevel=error"], cwd=CLIENTS, capture_output=True, text=True, timeout=300)
        if any(code in ran.stderr for code in UNREACHABLE):
            pytest.skip(
                f"npm reaches no package registry, so the JavaScript clients are not tried: {ran.stderr[:300]}"
            )
        assert ran.returncode == 0, ran.stderr
        installed.write_bytes(lock.read_bytes())
    return node


def test_a_deployment_goes_through_its_whole_life(node: str) -> None:
    with running_stack() as stack:
        environment = {**stack.env, "AICORE_SERVICE_KEY": json.dumps(stack.service_key())}
        ran = subprocess.run(
            [node, "lifecycle.js"],
            cwd=CLIENTS,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout[-6000:]
    assert ran.stdout.splitlines()[-1] == "went all the way"
