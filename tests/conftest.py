"""What all tests share: a database in a file, so that threads and processes meet on it as they do in earnest."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from django.db import connections
from django.db.models.signals import post_migrate
from django.test import override_settings
from django.utils import translation
from hypothesis import settings as hypothesis

from tests.engine import engine as engine
from tests.environment import HOME, OPEN

hypothesis.register_profile("launchpad", deadline=None)  # 200 ms for one example is no promise on a busy machine
hypothesis.load_profile("launchpad")


_NETWORK_LOCK = Path(tempfile.gettempdir()) / "launchpad-test-network.lock"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: whole installations, then browsers. End with container engines.

    Else the last processes of a run wait for one module of minutes, and browsers for engines (see below). Tests of a
    module keep their order.
    """

    def place(item: pytest.Item) -> tuple[bool, int]:
        long = [mark for mark in ("stack", "browser") if item.get_closest_marker(mark)]
        return _uses(item, "engine"), ("stack", "browser").index(long[0]) if long else 2

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Keep tests with a container engine from running beside tests with a browser in another process.

    An engine adds and removes network interfaces, whereupon Chromium fails its requests with ERR_NETWORK_CHANGED.
    """
    mode = fcntl.LOCK_EX if _uses(item, "engine") else fcntl.LOCK_SH if item.get_closest_marker("browser") else None
    if mode is None:
        return (yield)
    with _NETWORK_LOCK.open("a") as lock:
        fcntl.flock(lock, mode)
        return (yield)


def _uses(item: pytest.Item, fixture: str) -> bool:
    return fixture in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    settings = connections["default"].settings_dict
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        settings["TEST"]["NAME"] = f"{HOME}/test.sqlite3"
    # Whenever the tables are emptied, that is after each test with threads, it would write a row for each permission
    # of Django's. Nothing reads them: what somebody may do follows from their role.
    assert post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")


@pytest.fixture(scope="session", autouse=True)
def cheap_password_hashes() -> Iterator[None]:
    """Hash passwords in microseconds: what they are kept as is tested on a whole installation."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """pytest's, but a model server that a test run by root has started as another user gets there too."""
    if os.geteuid() == 0:
        tmp_path.chmod(0o755)
        for folder in tmp_path.parents:
            if folder.is_relative_to(tempfile.gettempdir()) and folder != Path(tempfile.gettempdir()):
                folder.chmod(0o711)
    return tmp_path


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may read, unlike those of pytest, servers in their sandbox too."""
    folder = Path(tempfile.mkdtemp(dir=OPEN))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """Let no test begin in the language of the page that the one before it has asked for: it stays the thread's."""
    yield
    translation.deactivate()
