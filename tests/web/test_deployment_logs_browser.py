"""The log of a deployment in a real Chromium."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import expect

from deployments.lifecycle import Status
from deployments.models import Deployment
from deployments.queries.deployment_logs import SCAN_LINES
from tests import factories as make
from tests.browser import faults_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def write(deployment: Deployment, lines: Sequence[str], unfinished: str = "") -> Path:
    """Write a log as the process beside a server does."""
    replica = make.make_replica(make.make_generation(deployment))
    folder = Path(settings.LAUNCHPAD_HOME) / "replicas" / replica.name / "attempt-1"
    folder.mkdir(parents=True)
    now = timezone.now().timestamp()
    texts = (json.dumps([now - len(lines) + number, "stderr", line]) for number, line in enumerate(lines))
    (folder / "log.jsonl").write_text("\n".join(texts) + "\n")
    if unfinished:
        (folder / "log.unfinished.json").write_text(json.dumps({"stderr": [now, unfinished]}))
    return folder


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_colours_and_the_newest_state_of_a_progress_bar_are_seen(open_page: Any, theme: str) -> None:
    deployment = make.make_deployment(status=Status.PENDING)
    names = ("red", "green", "yellow", "blue", "magenta", "cyan")
    colours = [f"\x1b[{31 + number}m{name} text\x1b[0m and plain" for number, name in enumerate(names)]
    folder = write(deployment, [*colours, "\x1b[1;31mERROR\x1b[0m no model"], "weights:  42% |####      |")
    page = open_page(f"/deployments/{deployment.pk}/logs/", theme=theme)

    bar = page.locator("#log .unfinished .text")
    expect(bar).to_have_text("weights:  42% |####      |")
    expect(page.locator("#log .cyan")).to_have_text("cyan text")
    shades = {page.locator(f"#log .{name}").first.evaluate("e => getComputedStyle(e).color") for name in names}
    assert len(shades) == len(names)
    (folder / "log.unfinished.json").write_text(json.dumps({"stderr": [0, "weights:  43% |####      |"]}))
    expect(bar).to_have_text("weights:  43% |####      |", timeout=10_000)
    assert faults_of(page, [page.url]) == []


def test_a_search_goes_on_by_itself_until_something_is_found(open_page: Any) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    write(deployment, ["the needle", *(f"line {number}" for number in range(2 * SCAN_LINES))])

    page = open_page(f"/deployments/{deployment.pk}/logs/?q=needle")

    expect(page.locator("#log mark")).to_have_text("needle", timeout=10_000)
