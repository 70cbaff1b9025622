"""A real Chromium for the tests that look at pages: the system's, or the one that LAUNCHPAD_TEST_CHROMIUM names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

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
