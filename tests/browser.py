"""A real Chromium for the tests that look at pages: the system's, or the one that LAUNCHPAD_TEST_CHROMIUM names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

# Not preloaded: axe would write what stylesheets import into style elements, which our policy forbids; none of these
# rules looks at it.
RULES = {"preload": False, "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
DESKTOP: ViewportSize = {"width": 1440, "height": 900}
MOBILE: ViewportSize = {"width": 390, "height": 844}

ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a headless Chromium until the block ends; skips the test where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = os.environ.get("LAUNCHPAD_TEST_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not program:
        pytest.skip("There is no Chromium: install one or set LAUNCHPAD_TEST_CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


def faults_of(page: Page, paths: Sequence[str]) -> list[str]:
    """Open each path and return what axe finds against WCAG 2.2 AA, and whether it is wider than the screen."""
    axe = Axe()
    found = []
    for path in paths:
        page.goto(path)
        report = axe.run(page, options=RULES)
        found += [
            f"{path}: {fault['id']} {node['target']} {node['failureSummary']}"
            for fault in report.response["violations"]
            for node in fault["nodes"]
        ]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{path}: wider than the screen")
    return found
