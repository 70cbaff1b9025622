"""German is complete: every text that pages mark for translation has one, and the compiled file is up to date."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from gettext import GNUTranslations
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from deployments.lifecycle import Status
from deployments.models import Role
from tests import factories as make

ROOT = Path(settings.BASE_DIR)
CATALOG = Path("deployments/locale/de/LC_MESSAGES")

needs_gettext = pytest.mark.skipif(
    shutil.which("xgettext") is None, reason="There is no xgettext: install the package gettext."
)


@needs_gettext
def test_nothing_is_untranslated(tmp_path: Path) -> None:
    for name in ("deployments", "launchpad", "templates", "manage.py"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    command = [sys.executable, "manage.py", "makemessages", "-l", "de", "--no-location", "--no-obsolete", "--no-wrap"]
    environment = {"LAUNCHPAD_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=120)

    text = (tmp_path / CATALOG / "django.po").read_text()

    entries = text.split("\n\n")[1:]
    untranslated = [entry for entry in entries if re.search(r'^msgstr(\[\d\])? ""$(?!\n")', entry, re.MULTILINE)]
    assert untranslated == []
    assert [entry for entry in entries if "#, fuzzy" in entry] == []


@needs_gettext
def test_the_compiled_file_is_that_of_the_texts(tmp_path: Path) -> None:
    compiled = tmp_path / "django.mo"
    subprocess.run(["msgfmt", "--check-format", "-o", compiled, ROOT / CATALOG / "django.po"], check=True)

    assert catalog_of(compiled) == catalog_of(ROOT / CATALOG / "django.mo")


def catalog_of(compiled: Path) -> dict[Any, str]:
    with compiled.open("rb") as file:
        catalog: dict[Any, str] = GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return catalog


@pytest.mark.django_db
def test_pages_speak_german_with_times_and_numbers_as_germans_write_them(client: Client) -> None:
    client.force_login(make.make_user(Role.EDITOR))
    client.cookies["django_language"] = "de"
    deployment = make.make_deployment(status=Status.RUNNING)

    html = client.get(f"/deployments/{deployment.pk}/").content.decode()

    assert '<html lang="de"' in html
    assert "Aktueller Status" in html
    assert re.search(r">heute \d\d:\d\d:\d\d<", html)


@pytest.mark.django_db
def test_the_language_of_the_browser_is_used_until_one_is_chosen(client: Client) -> None:
    html = client.get("/sign-in/", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}).content.decode()

    assert "Anmelden" in html
