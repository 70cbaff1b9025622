"""What all tests share: a database in a file, so that threads and processes meet on it as they do in earnest."""

from __future__ import annotations

import pytest
from django.db import connections

from tests.environment import HOME


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    settings = connections["default"].settings_dict
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        settings["TEST"]["NAME"] = f"{HOME}/test.sqlite3"
