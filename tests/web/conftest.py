"""What all tests of pages share: static files by their plain names, and pages opened in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client, override_settings
from playwright.sync_api import Browser, ConsoleMessage, Page
from pytest_django.live_server_helper import LiveServer

from deployments.models import Role
from tests import factories as make
from tests.browser import DESKTOP, chromium

PLAIN_STATIC = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


@pytest.fixture(autouse=True)
def plain_static_files() -> Iterator[None]:
    with override_settings(STORAGES=PLAIN_STATIC):
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, chromium() as browser:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the browser's event loop is in the thread that writes rows
        yield browser


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer) -> Iterator[Any]:
    """Open a page as a person with a role, and fail when it complains in the console."""
    contexts = []

    def opened(path: str, *, role: Role = Role.EDITOR, theme: str = "light", size: Any = DESKTOP) -> Page:
        client = Client()
        has_contrast = theme == "contrast"  # a choice of the account, the others follow the system
        client.force_login(make.make_user(role, theme="contrast" if has_contrast else ""))
        scheme = "light" if has_contrast else theme
        context = browser.new_context(base_url=live_server.url, viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
        name = configured.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.goto(path)
        return page

    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "422 (Unprocessable Entity)" not in message.text:  # a form that was refused
            complaints.append(message.text)

    yield opened
    for context in contexts:
        context.close()
    assert not complaints
