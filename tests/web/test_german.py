"""German is complete: every text that pages mark for translation has one, and what is compiled is what is written."""

from __future__ import annotations

import os
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
from django.utils import translation

from deployments.errors import InvalidInput
from deployments.lifecycle import Status
from deployments.messages import render
from deployments.models import Role
from deployments.queries.capacity import PlacementCheck, ResourceRequest
from deployments.reconciler.core.plan import plan
from deployments.runtimes.base import Node, Resources
from deployments.scheduling.capacity import capacity_of, shortfall_of
from deployments.web.deployments.playground_request import send
from launchpad import translations
from launchpad.translations import compile_translations
from tests import factories as make
from tests.reconciler.core.planning_table import TABLE

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
def test_translations_are_compiled_as_gettext_compiles_them(tmp_path: Path) -> None:
    compiled = tmp_path / "django.mo"
    subprocess.run(["msgfmt", "--check-format", "-o", compiled, ROOT / CATALOG / "django.po"], check=True)

    compile_translations(tmp_path)

    assert catalog_of(tmp_path / "locale/de/LC_MESSAGES/django.mo") == catalog_of(compiled)


def test_a_translation_that_has_changed_is_compiled_again_and_no_other_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "sources/de/LC_MESSAGES/django.po"
    source.parent.mkdir(parents=True)
    monkeypatch.setattr(translations, "SOURCES", tmp_path / "sources")
    compiled = tmp_path / "locale/de/LC_MESSAGES/django.mo"

    source.write_text('msgid "Stop"\nmsgstr "Anhalten"\n')
    compile_translations(tmp_path)
    written = compiled.stat().st_ino
    compile_translations(tmp_path)
    assert compiled.stat().st_ino == written

    source.write_text('msgid "Stop"\nmsgstr "Stoppen"\n')
    os.utime(source, (0, 0))  # an older version was checked out again
    compile_translations(tmp_path)
    assert catalog_of(compiled)["Stop"] == "Stoppen"


def catalog_of(compiled: Path) -> dict[Any, str]:
    """Return what a compiled file translates, without its header, which is a matter of the compiler."""
    with compiled.open("rb") as file:
        catalog: dict[Any, str] = GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {text: translation for text, translation in catalog.items() if text}


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


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_what_the_loop_tells_is_translated(row: Any) -> None:
    message = plan(row[1]).message

    english = render(message)
    with translation.override("de"):
        assert message is None or render(message) != english


def test_what_a_plan_is_short_of_is_german() -> None:
    room = capacity_of([Node(name="localhost", resources=Resources(cpu_millis=1000, memory_bytes=1))], {})
    needs = Resources(cpu_millis=2000, memory_bytes=1)
    fit = PlacementCheck(
        request=ResourceRequest(plan="large", replicas=1, each=needs),
        capacity=room,
        shortfall=shortfall_of(needs, 1, room),
    )

    with translation.override("de"):
        assert fit.shortage == (
            "Es braucht 2 CPU, 1 CPU frei (und insgesamt 1 CPU). Hier passt es nie: Wählen Sie einen kleineren Plan."
        )
    with translation.override("en"):
        assert fit.shortage.startswith("It needs 2 CPU, 1 CPU free")


@pytest.mark.django_db
def test_a_refusal_is_german(client: Client) -> None:
    client.force_login(make.make_user(Role.EDITOR, language="de"))
    deployment = make.make_deployment(status=Status.STOPPED)

    page = client.get(f"/deployments/{deployment.pk}/stop/", headers={"Accept-Language": "de"}).content.decode()

    assert "Ein Deployment im Status STOPPED kann nicht gestoppt werden. Es ist schon gestoppt." in page


def test_what_is_wrong_with_a_request_that_is_tried_is_german() -> None:
    with translation.override("de"), pytest.raises(InvalidInput) as refused:
        send("d1", method="HEAD", path="no slash", body="x" * 1_000_001, headers={}, token="")

    assert refused.value.problems == {
        "method": "Wählen Sie eine von GET, POST, PUT, PATCH, DELETE.",
        "path": (
            "Schreiben Sie einen Pfad, der mit / beginnt und keine Leerzeichen enthält; andere Zeichen prozentkodiert."
        ),
        "body": "Der Inhalt hat 1.000.001 Bytes; von dieser Seite lassen sich 1.000.000 senden.",
    }


@pytest.mark.django_db
def test_what_a_viewer_may_not_do_is_german(client: Client) -> None:
    client.force_login(make.make_user(Role.VIEWER, language="de"))
    deployment = make.make_deployment(status=Status.RUNNING)

    page = client.get(f"/deployments/{deployment.pk}/", headers={"Accept-Language": "de"}).content.decode()

    assert "Dafür braucht man die Rolle Bearbeiter; Ihre ist Betrachter." in page
