"""The procedures of the original's guide, each done in a real browser with a whole installation behind it.

One of them by keyboard alone. All names of buttons and links are those that readers see.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import chromium
from tests.person import Person, make_configurations
from tests.stack import Stack, running_stack
from tests.waiting import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.browser]

SECONDS = 60_000  # milliseconds that a status may take on a busy machine


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def stack(browser: Browser) -> Iterator[Stack]:
    with running_stack() as stack:
        yield stack


@pytest.fixture(scope="module")
def configurations(stack: Stack) -> dict[str, str]:
    return make_configurations(stack, **{"Hello one": {}, "Hello two": {}, "Broken": {"command": "no-such-program"}})


@pytest.fixture(scope="module")
def person(stack: Stack) -> Person:
    return Person(stack)


@pytest.fixture
def page(browser: Browser, stack: Stack, configurations: dict[str, str]) -> Iterator[Page]:
    context = browser.new_context(base_url=stack.base_url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto("/sign-in/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill((stack.home / "admin-password").read_text().strip())
    page.keyboard.press("Enter")
    page.wait_for_url(f"{stack.base_url}/")
    yield page
    context.close()


@pytest.fixture
def deployment(stack: Stack, person: Person, configurations: dict[str, str]) -> str:
    """A deployment that runs."""
    deployment = person.create(configurations["Hello one"])
    wait_until(lambda: stack.status(deployment) == "RUNNING", timeout=60, what="it runs")
    return deployment


def status_is(page: Page, status: str) -> None:
    """Wait until the header shows a status, which it has to do by itself."""
    expect(page.locator("#facts dd").first).to_have_text(status, timeout=SECONDS)


def dialog(page: Page) -> Locator:
    return page.locator("dialog[open]")


def test_create_a_deployment(page: Page) -> None:
    page.get_by_role("link", name="Deployments", exact=True).first.click()
    page.get_by_role("link", name="Create", exact=True).click()
    page.get_by_role("radio", name=re.compile("Custom server")).check()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    page.locator(".pick-row", has_text="Hello one").click()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Hello one").first).to_be_visible()

    page.get_by_role("button", name="Create", exact=True).click()

    status_is(page, "RUNNING")
    expect(page.locator("#facts")).to_contain_text("/v2/inference/deployments/")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#answer")).to_contain_text("Hello!")


def test_create_a_deployment_from_a_template(page: Page) -> None:
    page.get_by_role("link", name="Scenarios", exact=True).click()
    page.get_by_role("link", name="Custom server").click()
    page.get_by_role("link", name="HTTP command").first.click()
    page.get_by_role("link", name="Deploy", exact=True).click()
    page.locator(".pick-row", has_text="Hello two").click()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()

    page.get_by_role("button", name="Create", exact=True).click()

    status_is(page, "RUNNING")


def test_investigate_with_filters(page: Page, stack: Stack, person: Person, configurations: dict[str, str]) -> None:
    broken = person.create(configurations["Broken"])
    wait_until(lambda: stack.status(broken) == "DEAD", timeout=60, what="it has failed")
    page.goto("/deployments/")
    page.get_by_label("Search").fill("broken")
    expect(page.locator(".chip")).to_have_count(1)
    page.get_by_role("link", name=re.compile("Dead")).click()
    expect(page.locator(".chip")).to_have_count(2)

    page.get_by_role("link", name=broken).first.click()

    expect(page.get_by_role("heading", name="Why did it fail?")).to_be_visible()
    expect(page.locator("main")).to_contain_text("There is no program no-such-program.")
    page.get_by_role("link", name="Open the log at what ended it").click()
    expect(page.locator("main")).to_contain_text("no-such-program")


def test_update_a_deployment(page: Page, deployment: str) -> None:
    page.goto(f"/deployments/{deployment}/")
    page.get_by_role("button", name="Update", exact=True).click()
    dialog(page).locator(".pick-row", has_text="Hello two").click()
    expect(dialog(page)).to_contain_text("What changes with Hello two")

    dialog(page).get_by_role("button", name="Update", exact=True).click()

    expect(page.locator("#facts")).to_contain_text("Hello two", timeout=SECONDS)
    expect(page.locator("#progress-card")).to_have_count(0, timeout=SECONDS)
    status_is(page, "RUNNING")


def test_roll_back_after_an_update_that_failed(page: Page, deployment: str) -> None:
    page.goto(f"/deployments/{deployment}/update/")
    page.locator(".pick-row", has_text="Broken").click()
    page.get_by_label(re.compile("Return to the last running configuration")).uncheck()
    page.get_by_role("button", name="Update", exact=True).click()
    status_is(page, "DEAD")

    page.get_by_role("button", name=re.compile("Roll back")).first.click()

    status_is(page, "RUNNING")
    expect(page.locator("#facts")).to_contain_text("Hello one")


def test_stop_and_delete_by_keyboard_alone(page: Page, deployment: str) -> None:
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_url("**/deployments/")
    page.keyboard.press("/")
    page.keyboard.type(deployment)
    expect(page.locator("#rows tr")).to_have_count(1)
    reach(page, deployment)
    page.keyboard.press("Enter")
    status_is(page, "RUNNING")

    reach(page, "Stop")
    page.keyboard.press("Enter")
    expect(dialog(page)).to_contain_text(f"Stop deployment {deployment}?")
    reach(page, "Stop")
    page.keyboard.press("Enter")
    status_is(page, "STOPPED")
    reach(page, "Delete")
    page.keyboard.press("Space")
    expect(dialog(page)).to_contain_text("cannot be undone")
    reach(page, "Delete")
    page.keyboard.press("Enter")

    page.wait_for_url("**/deployments/")
    expect(page.locator(f"tr#{deployment}")).to_have_count(0, timeout=SECONDS)


def test_the_wizard_by_keyboard_alone(page: Page) -> None:
    page.keyboard.press("c")
    page.wait_for_url("**/deployments/create/**")
    choose(page, "Custom server")
    press_next(page, "template")
    press_next(page, "configuration")  # its only template is chosen already
    choose(page, "Hello one")
    press_next(page, "duration")
    press_next(page, "review")
    reach(page, "Create")
    page.keyboard.press("Enter")

    status_is(page, "RUNNING")


def test_stop_many_then_delete_many(page: Page, stack: Stack, person: Person, configurations: dict[str, str]) -> None:
    running = [person.create(configurations["Hello two"]) for _ in range(2)]
    broken = person.create(configurations["Broken"])
    for one in running:
        wait_until(lambda pk=one: stack.status(pk) == "RUNNING", timeout=60, what="it runs")  # type: ignore[misc]
    wait_until(lambda: stack.status(broken) == "DEAD", timeout=60, what="it has failed")
    page.goto("/deployments/")
    for one in (*running, broken):
        page.get_by_role("checkbox", name=f"Select {one}").check()
    page.locator(".bulk").get_by_role("button", name="Stop").click()
    expect(dialog(page)).to_contain_text("2 of the 3 chosen are eligible.")
    expect(dialog(page)).to_contain_text(broken)
    dialog(page).get_by_role("button", name=re.compile("Stop")).click()
    for one in running:
        expect(page.locator(f"tr#{one} td.line")).to_contain_text("STOPPED", timeout=SECONDS)

    for one in (*running, broken):
        page.get_by_role("checkbox", name=f"Select {one}").check()
    page.locator(".bulk").get_by_role("button", name="Delete").click()
    dialog(page).get_by_role("button", name=re.compile("Delete")).click()

    for one in (*running, broken):
        expect(page.locator(f"tr#{one}")).to_have_count(0, timeout=SECONDS)


def press_next(page: Page, step: str) -> None:
    """Go on to a step of the wizard."""
    reach(page, "Next")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**step={step}**")


def choose(page: Page, name: str) -> None:
    """Choose one of a group of radio buttons: Tab leads to the group, arrows through it."""
    for _ in range(80):
        if page.evaluate("document.activeElement.type") == "radio":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    for _ in range(20):
        if name in page.evaluate("document.activeElement.labels[0].innerText"):
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{name} cannot be chosen.")


def reach(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called `name`."""
    focused = "document.activeElement.getAttribute('aria-label') || document.activeElement.closest('label')?.innerText"
    for _ in range(80):
        page.keyboard.press("Tab")
        words = page.evaluate(f"({focused} || document.activeElement.innerText || '').trim()")
        if words == name or words.startswith(f"{name}\n"):
            return
    raise AssertionError(f"{name} was not reached by Tab.")
