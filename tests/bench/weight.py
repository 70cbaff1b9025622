"""What the list of deployments costs a browser that sees it for the first time."""

from __future__ import annotations

from collections.abc import Iterator

from playwright.sync_api import Page, Response

from tests.bench.figures import Figure
from tests.browser import chromium
from tests.person import Person, make_configurations
from tests.stack import Stack, running_stack
from tests.waiting import wait_until

# Layout shifts without input, and when the first pixels of content came, as the browser has measured them.
_MEASURED = """new Promise((done) => {
    let shifts = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((e) => { if (!e.hadRecentInput) shifts += e.value; }))
        .observe({ type: "layout-shift", buffered: true });
    const paint = performance.getEntriesByName("first-contentful-paint")[0].startTime;
    setTimeout(() => done({ shifts, paint, loaded: performance.timing.domContentLoadedEventStart
        - performance.timing.navigationStart }), 300);
})"""


def measure() -> Iterator[Figure]:
    with running_stack() as stack, chromium() as browser:
        _fill(stack)
        context = browser.new_context(base_url=stack.base_url, viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto("/sign-in/")
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", (stack.home / "admin-password").read_text().strip())
        page.press("input[name=password]", "Enter")
        page.wait_for_url(f"{stack.base_url}/")
        state = context.storage_state()
        fresh = browser.new_context(
            base_url=stack.base_url, viewport={"width": 1440, "height": 900}, storage_state=state
        )
        yield from _list(fresh.new_page())


def _fill(stack: Stack) -> None:
    (configuration,) = make_configurations(stack, hello={"command": "no-such-program"}).values()
    person = Person(stack)
    made = [person.create(configuration) for _ in range(30)]
    wait_until(lambda: all(stack.status(pk) == "DEAD" for pk in made), timeout=120, what="nothing changes any more")


def _list(page: Page) -> Iterator[Figure]:
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto("/deployments/", wait_until="networkidle")
    sizes = {answer.url: answer.request.sizes() for answer in answers}
    wire = {url: size["responseBodySize"] + size["responseHeadersSize"] for url, size in sizes.items()}
    scripts = sum(size["responseBodySize"] for url, size in sizes.items() if url.endswith(".js"))
    measured = page.evaluate(_MEASURED)
    yield Figure(
        what="List page, 25 rows, empty cache: on the wire", value=sum(wire.values()) / 1024, unit="KB", limit=100
    )
    yield Figure(what="List page: requests", value=len(answers), unit="", limit=10)
    yield Figure(what="List page: scripts", value=scripts / 1024, unit="KB", limit=25)
    yield Figure(what="List page: layout shift (CLS)", value=measured["shifts"], unit="", limit=0.01)
    yield Figure(what="List page: first contentful paint", value=measured["paint"], unit="ms")
    yield Figure(what="List page: scripts run from", value=measured["loaded"], unit="ms")
