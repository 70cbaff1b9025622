"""What static/js/app.js adds to pages, in a real browser: polls, banners, dialogs, ticks, and the way without it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import chromium
from tests.web.style_guide.server import serving
from tests.web.style_guide.urls import fresh_guide, guide

pytestmark = pytest.mark.browser

HIDE = """hidden => {
  Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    guide.__dict__.update(fresh_guide().__dict__)
    context = browser.new_context(
        base_url=address, timezone_id="Asia/Kolkata", viewport={"width": 1440, "height": 900}
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


def test_a_changed_row_is_swapped_without_losing_ticks_and_is_announced_once(page: Page) -> None:
    page.goto("/list")
    page.get_by_label("Select d0004").check()
    page.evaluate("document.querySelector('#d0004').kept = true")
    guide.rows_version = 2
    expect(page.locator("#d0002")).to_contain_text("RUNNING")
    expect(page.locator("#announcer")).to_have_text("d0002 is RUNNING")
    expect(page.get_by_label("Select d0004")).to_be_checked()
    assert page.evaluate("document.querySelector('#d0004').kept")
    page.evaluate("document.querySelector('#announcer').textContent = ''")
    seen = len(guide.polls)
    page.wait_for_function(
        "() => performance.getEntriesByType('resource').filter(e => e.name.includes('v=2')).length > 1"
    )
    assert len(guide.polls) > seen
    expect(page.locator("#announcer")).to_have_text("")


def test_a_morph_keeps_what_the_reader_did_and_changes_the_rest(page: Page) -> None:
    page.goto("/detail")
    kept = page.evaluate(
        """() => {
          const old = document.createElement('div');
          old.innerHTML = '<meter max="5" value="1"></meter><input value="a"><input type="checkbox">'
            + '<details><summary>More</summary></details><details></details>';
          document.body.append(old);
          old.querySelector('input').value = 'typed';
          old.querySelector('[type=checkbox]').checked = true;
          old.querySelector('summary').click();
          Idiomorph.morph(old, '<meter max="5" value="2"></meter><input value="b"><input type="checkbox">'
            + '<details><summary>More</summary></details><details open></details>', {morphStyle: 'innerHTML'});
          const [mine, theirs] = old.querySelectorAll('details');
          return [old.querySelector('meter').value, old.querySelector('input').value,
            old.querySelector('[type=checkbox]').checked, mine.open, theirs.open];
        }"""
    )
    assert kept == [2, "typed", True, True, True]


def test_a_page_without_polls_finds_the_server_again(page: Page) -> None:
    page.goto("/detail")
    page.clock.install()
    page.route("**/stop", lambda route: route.abort())
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#connection")).to_be_visible()
    with page.expect_request("**/ping"):
        page.clock.run_for(3000)
    expect(page.locator("#connection")).to_be_hidden()


@pytest.mark.parametrize("path", ["/detail", "/sign-in"])
def test_every_page_finds_out_that_the_server_is_away(page: Page, path: str) -> None:
    page.clock.install()
    page.goto(path)
    page.route("**/ping", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.clock.run_for(11_000)
    banner = page.locator("#connection")
    expect(banner).to_be_visible()
    page.unroute("**/ping")
    with page.expect_response("**/ping"):
        page.clock.run_for(3000)
    expect(banner).to_be_hidden()


def test_clocks_go_on_in_the_browser_and_stand_still_while_nobody_knows(page: Page) -> None:
    page.clock.install()
    page.goto("/list")
    page.evaluate(
        """() => {
          const clock = Object.assign(document.createElement('span'), {id: 'since'});
          clock.dataset.since = new Date(Date.now() - 58_000).toISOString();
          document.querySelector('main').append(clock);
        }"""
    )
    clock = page.locator("#since")
    page.clock.run_for(1000)
    expect(clock).to_have_text(re.compile(r"^(59 s|1 min)"))
    page.clock.run_for(1000)
    expect(clock).to_have_text(re.compile(r"^1 min"))

    page.route("**/*", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.clock.run_for(1100)
    expect(page.locator("#connection")).to_be_visible()
    stood = clock.text_content()
    page.clock.run_for(5000)
    assert clock.text_content() == stood
    expect(page.locator(".live")).to_contain_text(re.compile(r"Not live · as of\s+[\d:]+( [AP]M)?\s+\(\d+ s old\)"))


def test_a_hidden_tab_does_not_poll_and_does_so_at_once_when_it_returns(page: Page) -> None:
    page.goto("/list")
    page.clock.install()
    with page.expect_request("**/rows?*"):
        page.clock.run_for(1100)
    page.evaluate(HIDE, True)
    quiet = len(guide.polls)
    page.clock.run_for(10_000)
    assert len(guide.polls) == quiet
    with page.expect_request("**/rows?*"):
        page.evaluate(HIDE, False)


def test_a_server_that_is_away_is_tried_with_growing_pauses_and_found_again(page: Page) -> None:
    page.clock.install()
    page.goto("/list")
    tries: list[str] = []

    def lose(route: Route) -> None:
        tries.append(route.request.url)
        route.abort()

    page.route("**/rows?*", lose)
    banner = page.locator("#connection")
    with page.expect_event("requestfailed"):
        page.clock.run_for(1100)
    expect(banner).to_be_visible()
    expect(banner).to_contain_text("Next try in")
    for _ in range(60):
        page.clock.run_for(1000)
    assert 3 <= len(tries) <= 7  # every second would be 60; the pauses are 2, 4, 8, 15, 30 s
    page.unroute("**/rows?*")
    with page.expect_response("**/rows?*"):
        page.get_by_role("button", name="Try now").click()
    expect(banner).to_be_hidden()


def test_a_session_that_is_over_leads_to_the_sign_in_and_back(page: Page) -> None:
    page.goto("/list?status=DEAD")
    guide.signed_in = False
    page.wait_for_url("**/sign-in?next=%2Flist%3Fstatus%3DDEAD")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_select_all_and_the_bulk_bar_agree_with_the_ticks(page: Page) -> None:
    page.goto("/list")
    bar = page.get_by_role("region", name="Bulk actions")
    expect(bar).to_be_hidden()
    everything = page.get_by_label("Select all")
    everything.check()
    expect(bar).to_contain_text("6 selected")
    page.get_by_label("Select d0001").uncheck()
    expect(bar).to_contain_text("5 selected")
    assert everything.evaluate("box => box.indeterminate")
    page.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()


def test_a_dialog_opens_by_keyboard_and_closes_by_escape(page: Page) -> None:
    page.goto("/detail")
    stop = page.get_by_role("button", name="Stop", exact=True)
    stop.focus()
    page.keyboard.press("Space")
    dialog = page.get_by_role("dialog", name="Stop deployment")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(stop).to_be_focused()


def test_an_action_that_is_not_allowed_says_why_and_does_nothing(page: Page) -> None:
    page.goto("/detail")
    delete = page.get_by_role("button", name="Delete")
    delete.focus()
    expect(page.get_by_role("tooltip")).to_have_text("A deployment that is RUNNING cannot be deleted. Stop it first.")
    delete.click(force=True)
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_without_scripts_a_dialog_is_a_page_and_its_action_works(browser: Browser, address: str, page: Page) -> None:
    context = browser.new_context(base_url=address, java_script_enabled=False)
    plain = context.new_page()
    plain.goto("/detail")
    plain.get_by_role("button", name="Stop", exact=True).click()
    expect(plain.get_by_role("heading", name="Stop deployment")).to_be_visible()
    expect(plain.get_by_role("link", name="Cancel")).to_be_visible()
    plain.get_by_role("button", name="Stop", exact=True).click()
    assert guide.posts == ["/stop"]
    context.close()


def test_a_second_click_on_a_button_does_not_send_the_form_twice(page: Page) -> None:
    page.goto("/wizard")
    guide.answers.clear()  # the answer takes a second: time for another click
    with page.expect_event("load"):
        page.evaluate(
            "const next = document.querySelector('.wizard-foot .primary');"
            "next.click(); setTimeout(() => next.click(), 300)"
        )
    assert guide.posts == ["/wizard"]


def test_copying_says_so(page: Page) -> None:
    page.goto("/detail")
    page.get_by_role("button", name="Copy ID").click()
    expect(page.locator(".toast")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "d4f1c09a7be35d21"


def test_the_server_learns_the_readers_time_zone(page: Page) -> None:
    page.goto("/detail")
    assert {c["name"]: c["value"] for c in page.context.cookies()}["tz"] in {"Asia%2FKolkata", "Asia%2FCalcutta"}
