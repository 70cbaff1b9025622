"""Pages show what was last seen of a connection, with its age, and never wait for its runtime."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import NoReturn

import pytest
from django.test import Client
from django.utils import timezone

from deployments.lifecycle import Status
from deployments.messages import TEXT
from deployments.models import ConnectionStatus, Role
from deployments.runtimes import registry
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages() -> list[str]:
    """The addresses of all pages that show something of a connection."""
    waiting = make.make_deployment(status=Status.PENDING, **make.said("Waiting for capacity."))
    make.make_generation(waiting, waiting=TEXT(text="It needs 11 GB of memory, 1 GB of memory free."))
    return [
        "/",
        "/administration/connections/",
        f"/administration/connections/{waiting.resource_group.connection.name}/",
        f"/deployments/{waiting.pk}/",
        f"/deployments/{waiting.pk}/scaling/",
        f"/deployments/{waiting.pk}/resources/",
    ]


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(make.make_user(Role.ADMINISTRATOR))
    return client


def html_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return " ".join(answer.content.decode().split())


def test_no_page_asks_a_runtime(administrator: Client, pages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> NoReturn:
        raise AssertionError("A page asks a runtime.")

    monkeypatch.setattr(registry._OPEN, "runtime_of", refuse)

    for address in pages:
        html_of(administrator, address)


def test_a_fresh_connection_shows_no_age(administrator: Client, pages: list[str]) -> None:
    for address in pages:
        html = html_of(administrator, address)
        assert "As of" not in html, address
        assert "Not reachable" not in html, address


def test_what_was_last_seen_long_ago_is_shown_with_its_age(administrator: Client, pages: list[str]) -> None:
    ConnectionStatus.objects.update(contacted_at=timezone.now() - timedelta(seconds=42))

    for address in pages[:4]:
        assert re.search(r"As of <span[^>]*>4\d s</span> ago", html_of(administrator, address)), address


def test_a_connection_that_does_not_answer_says_since_when_and_why(administrator: Client, pages: list[str]) -> None:
    since = timezone.now() - timedelta(minutes=3)
    ConnectionStatus.objects.update(
        unreachable_since=since, contacted_at=since, problem=TEXT(text="No route to <it>.")
    )

    for address in pages:
        html = html_of(administrator, address)
        assert "Not reachable" in html or "UNREACHABLE since" in html, address
        assert "No route to &lt;it&gt;." in html, address
        assert re.search(r"as of <span[^>]*>3 min[^<]*</span> ago", html), address


def test_a_connection_that_has_never_answered_has_no_capacity_yet(administrator: Client, pages: list[str]) -> None:
    ConnectionStatus.objects.all().delete()

    assert "Its capacity is not known: it has not answered yet." in html_of(administrator, "/")
    assert "not known yet" in html_of(administrator, "/administration/connections/")


def test_the_overview_is_shown_anew_once_its_connection_does_not_answer(administrator: Client) -> None:
    make.make_deployment()
    html = html_of(administrator, "/")
    poll = html.split('hx-get="/overview/')[1].split('"')[0].replace("&amp;", "&")
    assert administrator.get(f"/overview/{poll}").status_code == 204

    ConnectionStatus.objects.update(unreachable_since=timezone.now())

    assert administrator.get(f"/overview/{poll}").status_code == 200
