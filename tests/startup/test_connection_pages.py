"""A container engine on this machine becomes a connection by one click, and pages tell when it hangs and is back."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest

from tests.engine import Engine
from tests.stack import Stack, running_stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack

CONNECTIONS = "/administration/connections/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def stack(engine: Engine) -> Iterator[Stack]:
    with running_stack(DOCKER_HOST=engine.address) as stack:
        yield stack


class Administrator:
    """Looks at pages and sends forms as a signed-in person does."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._headers = stack.sign_in()

    def see(self, path: str) -> str:
        answer = self._stack.http.request("GET", f"{self._stack.base_url}{path}", headers=self._headers)
        assert answer.status == 200, answer.data
        return " ".join(answer.data.decode().split())

    def send(self, path: str, **fields: str) -> tuple[int, str]:
        """Send a form as htmx does; return the status, and where it leads to or the text of the answer."""
        answer = self._stack.http.request(
            "POST",
            f"{self._stack.base_url}{path}",
            headers={**self._headers, **(HTMX if "test" in fields else {})},
            fields=fields,
            encode_multipart=False,
            redirect=False,
        )
        return answer.status, answer.headers.get("Location") or answer.data.decode()

    def test(self, path: str, **fields: str) -> str:
        """Test what is entered on the page at a path; return what the test says once it has ended."""
        status, begun = self.send(path, test="1", **fields)
        found = re.search(r'hx-get="(/administration/connection-test/[^"]+)"', begun)
        assert status == 200, begun
        assert found, begun

        def ended() -> str:
            said = self.see(found[1])
            return "" if "hx-get" in said else said

        return wait_until(ended, timeout=25, what="the test has ended", pause=0.2)


def test_an_engine_is_offered_connected_and_tested_and_its_silence_is_told(stack: Stack, engine: Engine) -> None:
    person = Administrator(stack)

    wait_until(lambda: engine.address in person.see(CONNECTIONS), timeout=30, what="it is offered")
    offered = person.see(CONNECTIONS)
    add = re.search(r'action="(/administration/connection-offers/\d+/add/)"', offered)
    assert add, offered
    assert person.send(add[1]) == (302, f"{CONNECTIONS}podman/")
    wait_until(lambda: "REACHABLE" in person.see(f"{CONNECTIONS}podman/"), what="it has answered")
    assert "connection-offers" not in person.see(CONNECTIONS)

    change = f"{CONNECTIONS}podman/change/"
    said = person.test(change, name="podman", **{"option-address": engine.address})
    assert re.search(r"Podman [\d.]+.* answers\.", said), said
    assert "Free disk space" in said
    said = person.test(change, name="podman", **{"option-address": "unix:///run/no-engine-is-here.sock"})
    assert "strip negative" in said
    images = re.search(r'hx-get="([^"]+/images/[^"]+)"', person.see(f"{CONNECTIONS}podman/images/"))
    assert images
    known = "All images that were pulled are in use."
    wait_until(lambda: known in person.see(images[1]), timeout=25, what="its images are listed", pause=0.2)

    os.kill(engine.pid, signal.SIGSTOP)
    try:
        said = person.test(change, name="podman", **{"option-address": engine.address})
        assert "strip negative" in said
        wait_until(
            lambda: "UNREACHABLE" in person.see(f"{CONNECTIONS}podman/"), timeout=40, what="its silence is told"
        )
    finally:
        os.kill(engine.pid, signal.SIGCONT)
    wait_until(lambda: "UNREACHABLE" not in person.see(f"{CONNECTIONS}podman/"), timeout=40, what="it is back")
