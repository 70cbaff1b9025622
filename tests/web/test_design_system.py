"""The look: tags and filters, what templates may hold, weight, hashed static files, and accessibility in a browser."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, Storage
from django.core.management import call_command
from django.core.paginator import Paginator
from django.template import Context, Template
from django.template.loader import get_template
from django.test import override_settings
from django.utils import timezone
from playwright.sync_api import Browser

from deployments.lifecycle import Status
from deployments.templatetags import launchpad as tags
from launchpad.static_files import OneStylesheetStorage
from tests.browser import RULES, chromium
from tests.web.style_guide.server import serving
from tests.web.style_guide.urls import Reader

STATIC = settings.BASE_DIR / "static"
TEMPLATES = list((settings.BASE_DIR / "templates").rglob("*.html"))
SPRITE = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "vendor" / "icons.svg").read_text()))
LINE_LENGTH = 119  # characters, as in the code
NOON = datetime(2026, 3, 18, 11, 0, tzinfo=UTC)
PLAIN_STATIC = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}


@pytest.mark.parametrize("status", Status)
@override_settings(STORAGES=PLAIN_STATIC)
def test_a_status_is_a_shape_a_colour_and_its_word(status: Status) -> None:
    html = tags.status(status.value)
    shape = re.search(r"icons\.svg#(s-[a-z]+)", html)
    assert shape
    assert shape[1] in SPRITE
    assert re.search(r'class="status (neutral|critical|information|negative)', html)
    assert html.endswith(f"{status}</span>")
    assert ("busy" in html) == (status in {Status.PENDING, Status.STOPPING})


@override_settings(STORAGES=PLAIN_STATIC)
def test_the_statuses_are_told_apart_without_colour_and_a_target_may_be_deleted() -> None:
    shapes = {re.search(r"#(s-[a-z]+)", tags.status(word))[1] for word in ("UNKNOWN", "PENDING", "RUNNING", "DEAD")}  # type: ignore[index]
    assert len(shapes) == 4
    assert "DELETED" in tags.status("DELETED")
    with pytest.raises(ValueError, match="ODD"):
        tags.status("ODD")


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (NOON, "today 12:00 PM"),
        (NOON - timedelta(hours=12), "today 12:00 AM"),  # yesterday in UTC: the reader's day counts
        (NOON - timedelta(hours=20), "yesterday 4:00 PM"),
        (NOON - timedelta(days=3), "3 days ago 12:00 PM"),
        (NOON + timedelta(hours=13), "tomorrow 1:00 AM"),
        (NOON + timedelta(days=2), "in 2 days 12:00 PM"),
        (NOON - timedelta(days=40), "Feb 6, 2026 12:00 PM"),
    ],
)
def test_a_time_is_said_relative_to_the_readers_day(
    when: datetime, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    with timezone.override("Europe/Berlin"):
        html = str(tags.moment(when))
    assert f">{words}</time>" in html
    assert f'datetime="{when.isoformat()}"' in html


def test_the_exact_time_is_in_the_title_and_seconds_are_shown_on_request() -> None:
    with timezone.override("Europe/Berlin"):
        html = str(tags.moment(datetime(2026, 1, 5, 8, 43, 57, tzinfo=UTC), "seconds"))
    assert 'title="Monday, Jan 5, 2026, 9:43:57 AM CET"' in html
    assert "9:43:57 AM</time>" in html
    assert tags.moment(None) == "–"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.42, "0.4 s"),
        (0.96, "1 s"),
        (9.96, "10 s"),
        (12.4, "12 s"),
        (60, "1 min"),
        (135, "2 min 15 s"),
        (timedelta(hours=1, minutes=12), "1 h 12 min"),
        (timedelta(hours=24), "1 d"),
        (timedelta(days=3, hours=4, minutes=50), "3 d 4 h"),
        (-3, "0 s"),
    ],
)
def test_a_length_of_time_is_said_in_its_two_largest_units(length: float | timedelta | None, words: str) -> None:
    assert tags.duration(length) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 KB"),
        (512 * 1000**2, "512 MB"),
        (3 * 1000**3, "3 GB"),
        (1000**2 - 1, "1 MB"),
    ],
)
def test_an_amount_of_memory_is_short(size: float | None, words: str) -> None:
    assert tags.filesize_short(size) == words


def test_initials_and_page_numbers() -> None:
    assert tags.initials(Reader()) == "MK"  # type: ignore[arg-type]
    assert list(tags.page_numbers(Paginator(range(1000), 50), 7)) == [1, None, 6, 7, 8, None, 20]


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    named = {name for path in TEMPLATES for name in re.findall(r'{%\s*icon "([^"]+)"', path.read_text())}
    named |= {name for path in TEMPLATES for name in re.findall(r' icon="([^"]+)"', path.read_text())}
    assert named
    assert named <= SPRITE, f"Add to static/vendor/icons.txt: {sorted(named - SPRITE)}"


def test_no_template_has_script_style_or_handlers_of_its_own() -> None:
    forbidden = re.compile(
        r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=\"|hx-on|\bjs:|javascript:", re.IGNORECASE
    )
    assert [path for path in TEMPLATES if forbidden.search(path.read_text())] == []


def test_the_lines_of_templates_are_short_enough_to_read() -> None:
    long = [
        f"{path}:{number}"
        for path in TEMPLATES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > LINE_LENGTH
    ]
    assert long == []


def _weight(*paths: Path) -> int:
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths)


def test_scripts_stay_light() -> None:
    assert _weight(*(path for path in STATIC.glob("*/*.js") if path.name != "admin.js")) < 25.5 * 1024
    assert len((STATIC / "js" / "app.js").read_text().splitlines()) <= 345


@pytest.fixture
def collected(tmp_path: Path) -> Iterator[Path]:
    """The folder of the static files as an installation serves them."""
    manifest = {"staticfiles": {"BACKEND": "launchpad.static_files.OneStylesheetStorage"}}
    storages = {**settings.STORAGES, **manifest}
    with override_settings(STORAGES=storages, STATIC_ROOT=tmp_path, ROOT_URLCONF="tests.web.style_guide.urls"):
        call_command("collectstatic", interactive=False, verbosity=0)
        yield tmp_path


def _loaded() -> list[str]:
    html = get_template("500.html").render() + Template('{% load launchpad %}{% icon "x" %}').render(Context())
    return re.findall(r'(?:href|src)="/static/([^"#]+)', html)


def test_a_page_loads_few_files_under_hashed_names(collected: Path) -> None:
    links = _loaded()
    assert len(set(links)) == 6  # font, stylesheet, two scripts, icon of the page, icons on it
    assert all(re.search(r"\.[0-9a-f]{12}\.", link) and (collected / link).is_file() for link in links)


def test_the_stylesheet_is_one_light_file_of_all_its_parts(collected: Path) -> None:
    (link,) = {link for link in _loaded() if link.endswith(".css")}
    sheet = collected / link
    assert _weight(sheet) < 16 * 1024
    written = sheet.read_text()
    assert "@import" not in written
    parts = re.findall(r'@import "(.+)";', (STATIC / "css" / "site.css").read_text())
    in_tree = {path.relative_to(STATIC / "css").as_posix() for path in (STATIC / "css").rglob("*.css")}
    assert {*parts, "site.css", "admin.css"} == in_tree
    places = [written.index((STATIC / "css" / part).read_text()) for part in parts if part != "tokens.css"]
    assert places == sorted(places)
    fonts = re.findall(r'url\("([^"]+\.woff2)"', written)
    assert len(fonts) == 2
    assert all((sheet.parent / font).resolve().is_file() for font in fonts)


@pytest.mark.parametrize(
    ("part", "complaint"),
    [(None, "imports shell/bar.css, which is not"), ("a { background: url(x.png) }", "may not name a file")],
)
def test_a_part_that_would_break_the_stylesheet_is_refused(part: str | None, complaint: str) -> None:
    source = InMemoryStorage()
    source.save("css/site.css", ContentFile('@import "shell/bar.css";\n'))
    paths: dict[str, tuple[Storage, str]] = {"css/site.css": (source, "css/site.css")}
    if part:
        source.save("css/shell/bar.css", ContentFile(part))
        paths["css/shell/bar.css"] = (source, "css/shell/bar.css")
    with pytest.raises(ImproperlyConfigured, match=complaint):
        list(OneStylesheetStorage().post_process(paths))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.mark.browser
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_no_accessibility_violation_and_nothing_sticks_out(
    browser: Browser, address: str, theme: str, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    for name in ("", "list", "detail", "wizard", "stop", "sign-in"):
        page.goto(f"{address}/{name}?theme={theme}")
        found = Axe().run(page, options=RULES).response["violations"]
        assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in found] == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    page.goto(f"{address}/detail?theme={theme}")
    page.get_by_role("button", name="Update").click()
    page.wait_for_selector("dialog[open]")
    assert Axe().run(page, options=RULES).response["violations"] == []
    assert complaints == []  # a breach of the content security policy would be told here
    page.close()
