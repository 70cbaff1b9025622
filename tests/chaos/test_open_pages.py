"""A page of a deployment stays open while its server is killed, somebody else stops it, and Launchpad itself ends."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import DESKTOP, MOBILE, chromium
from tests.person import Person, make_configurations
from tests.stack import Stack, running_stack
from tests.waiting import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.browser]

SHOTS = os.environ.get("LAUNCHPAD_TEST_SHOTS", "")  # a folder for pictures of what the test sees
BROKEN = "import time; time.sleep(4); import nothing_there"  # slow enough for a page that asks every 5 s
SOON = 20_000  # milliseconds: a sweep, a poll and a busy machine


def sign_in(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.base_url}/sign-in/")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", (stack.home / "admin-password").read_text().strip())
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{stack.base_url}/")


def shoot(page: Page, name: str) -> None:
    """Keep a picture, in light and dark and on a narrow screen, when somebody wants to look at them."""
    if not SHOTS:
        return
    for view, size, scheme in (("light", DESKTOP, "light"), ("dark", DESKTOP, "dark"), ("mobile", MOBILE, "dark")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.screenshot(path=Path(SHOTS) / f"{name}-{view}.png", animations="disabled")
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="light")


def kill_servers(stack: Stack, deployment: str) -> None:
    """`kill -9` of every model server of a deployment."""
    for pid, replica in stack.model_servers().items():
        if replica.startswith(deployment):
            os.kill(pid, signal.SIGKILL)


def test_an_open_page_says_what_is_true_whatever_happens() -> None:
    with running_stack() as stack, chromium() as browser:
        made = make_configurations(stack, first={}, second={}, broken={"command": f"python3 -c {BROKEN!r}"})
        person = Person(stack)
        deployment = person.create(made["first"])
        wait_until(lambda: stack.status(deployment) == "RUNNING", timeout=60, what="it runs")
        page = browser.new_page(viewport=DESKTOP)
        sign_in(page, stack)
        page.goto(f"{stack.base_url}/deployments/{deployment}/")
        page.evaluate("document.body.kept = true")
        status = page.locator("#facts .status").first
        expect(status).to_have_text("RUNNING")
        shoot(page, "running")

        began = time.monotonic()
        kill_servers(stack, deployment)
        expect(page.locator("#history")).to_contain_text("SIGKILL", timeout=SOON)
        sys.stdout.write(f"killed server seen after {time.monotonic() - began:.1f} s\n")
        shoot(page, "killed")
        expect(status).to_have_text("RUNNING", timeout=SOON)

        person.update(deployment, made["broken"], rollback_on_failure=True)
        expect(page.locator("#facts")).to_contain_text("Serving first, updating to broken", timeout=SOON)
        expect(page.locator("#progress-card li.failed")).to_contain_text("nothing_there", timeout=SOON)
        shoot(page, "failing-update")
        expect(page.locator("#returned")).to_be_visible(timeout=60_000)
        expect(page.locator("#flow")).to_contain_text("first")
        shoot(page, "returned")

        began = time.monotonic()
        os.kill(stack.up.pid if stack.up else 0, signal.SIGINT)
        expect(page.locator("#connection")).to_be_visible(timeout=SOON)
        sys.stdout.write(f"end of the web server seen after {time.monotonic() - began:.1f} s\n")
        shoot(page, "away")
        if stack.up is not None:
            stack.up.wait(timeout=60)
        stack.start()
        expect(page.locator("#connection")).to_be_hidden(timeout=70_000)
        expect(status).to_have_text("RUNNING", timeout=60_000)

        began = time.monotonic()
        Person(stack).stop(deployment)
        expect(status).to_have_text("STOPPED", timeout=SOON)
        sys.stdout.write(f"stop by somebody else seen after {time.monotonic() - began:.1f} s\n")
        expect(page.locator("#actions")).to_contain_text("Create again")
        assert page.evaluate("document.body.kept"), "it was never loaded again"
        assert re.search(deployment, page.url)

        dead = Person(stack).create(made["broken"])
        page.goto(f"{stack.base_url}/deployments/{dead}/")
        expect(page.locator("#failure")).to_be_visible(timeout=60_000)
        shoot(page, "dead")
