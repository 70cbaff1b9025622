"""A full disk costs changes alone: they are refused as such, predictions and pages go on, and room ends it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from tests.person import Caller, Person, make_configurations, path_of
from tests.stack import Stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack

SIZE_MB = 96
FULL = "The disk of LAUNCHPAD_HOME is full. Free some space; nothing was changed."


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder on a small disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("Only root can mount a small disk.")
    place = Path(tempfile.mkdtemp(prefix="launchpad-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}M", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        place.rmdir()
        pytest.skip(f"No small disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)
    place.rmdir()


@pytest.fixture
def stack(home: Path) -> Iterator[Stack]:
    stack = Stack(home)
    try:
        stack.start()
        yield stack
    finally:
        stack.close()


def test_a_full_disk_refuses_changes_alone_and_room_ends_that(stack: Stack) -> None:
    person, caller = Person(stack), Caller(stack)
    deployment = person.create(make_configurations(stack, a={})["a"])
    wait_until(lambda: stack.status(deployment) == "RUNNING", timeout=60, what="it runs")
    before = {name: info["pid"] for name, info in stack.programs().items()}
    filler = fill(stack.home)

    refused = wait_until(lambda: refusal(stack, caller), timeout=20, what="a change finds no room")
    assert refused is not None
    count = stack.rows("SELECT COUNT(*) FROM deployments_configuration")
    assert refused.status == 507, refused.data
    error = refused.json()["error"]
    assert (error["code"], error["message"], error["target"]) == ("InsufficientStorage", FULL, "/v2/lm/configurations")
    again = change(stack, caller)
    assert again.status == 507, again.data
    assert stack.rows("SELECT COUNT(*) FROM deployments_configuration") == count

    page = person.send(f"deployments/{deployment}/stop/")
    assert (page.status, FULL in page.data.decode()) == (507, True), page.data
    # Nobody's session can be written: said as such, on a page of its own.
    password = (stack.home / "admin-password").read_text().strip()
    assert person.send("sign-in/", username="admin", password=password).status in {302, 507}
    assert stack.http.request("GET", f"{stack.base_url}/sign-in/").status == 200

    with caller.pool() as pool:
        answers = [pool.request("GET", path_of(deployment), headers=caller.headers).status for _ in range(100)]
    assert answers == [200] * 100
    for path in ("", "deployments/", f"deployments/{deployment}/"):
        assert person.see(path).status == 200, path
    assert ask(stack, caller, "GET", "/v2/lm/deployments").status == 200
    assert {name: info["pid"] for name, info in stack.programs().items()} == before

    filler.unlink()
    assert change(stack, caller).status == 201
    assert stack.status(deployment) == "RUNNING"
    assert {info["statename"] for info in stack.programs().values()} == {"RUNNING"}
    assert {name: info["pid"] for name, info in stack.programs().items()} == before


def fill(home: Path) -> Path:
    """Fill the disk to its last byte and return the file that does it."""
    filler = home / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            block = bytes(size)
            try:
                while file.write(block):
                    pass
            except OSError:
                continue
    return filler


def refusal(stack: Stack, caller: Caller) -> urllib3.BaseHTTPResponse | None:
    """Change something; the answer once it is refused. The write-ahead log has some room of its own at first."""
    answer = change(stack, caller)
    return None if answer.status == 201 else answer


def change(stack: Stack, caller: Caller) -> urllib3.BaseHTTPResponse:
    """Create a configuration."""
    body = {
        "name": "one more",
        "scenarioId": "custom-server",
        "executableId": "custom-server",
        "parameterBindings": [{"key": "command", "value": "x" * 4_000}],
    }
    return ask(stack, caller, "POST", "/v2/lm/configurations", body)


def ask(stack: Stack, caller: Caller, method: str, path: str, body: object = None) -> urllib3.BaseHTTPResponse:
    return stack.http.request(method, f"{stack.base_url}{path}", json=body, headers=caller.headers)
