"""What all tests of pages share: static files by their plain names, without collecting them first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import override_settings

PLAIN_STATIC = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


@pytest.fixture(autouse=True)
def plain_static_files() -> Iterator[None]:
    with override_settings(STORAGES=PLAIN_STATIC):
        yield
