"""The poll of a deployment's pages: 204 while they would look the same, else all that has changed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deployments.lifecycle import Status, Step, TargetStatus
from deployments.messages import TEXT
from deployments.models import Deployment, Generation, Role
from tests import factories as make
from tests.web.deployment_pages import TABS, begin, make_attempt, page, pending, poll_of, running, signed_in

pytestmark = pytest.mark.django_db


def test_an_unchanged_poll_is_204_with_two_queries(client: Client) -> None:
    poll = poll_of(page(signed_in(client), pending()))

    with CaptureQueriesContext(connection) as seen:
        answer = client.get(poll, headers={"HX-Request": "true"})

    assert answer.status_code == 204
    assert len(seen) == 2, [query["sql"] for query in seen]


def test_a_changed_poll_brings_the_facts_and_what_else_the_tab_shows(client: Client) -> None:
    deployment = pending()
    signed_in(client)
    polls = {name: poll_of(page(client, deployment, name)) for name in TABS}
    Deployment.objects.update(**make.said("Waiting for the server to become healthy."))

    def parts(name: str) -> set[str]:
        html = client.get(polls[name], headers={"HX-Request": "true"}).content.decode()
        assert html.lstrip().startswith('<dl class="fact-list" id="facts"')
        return set(re.findall(r'id="([\w-]+)"[^>]*hx-swap-oob', html))

    head = {"actions", "tabs"}
    assert parts("deployment") == head | {"now", "flow", "values", "history", "playground"}
    assert parts("deployment-status") == head | {"status"}
    assert parts("deployment-events") == head | {"events"}
    assert parts("deployment-logs") == head


@pytest.mark.parametrize(
    "change",
    [
        lambda d: Generation.objects.update(waiting=TEXT(text="It needs 3 GB, 1 GB free.")),
        lambda d: Generation.objects.update(steps={Step.REQUESTED: "2026-01-01T00:00:00+00:00", Step.PLACED: "x"}),
        lambda d: d.generations.get().replicas.update(phase="HEALTHY"),
        lambda d: d.generations.get().replicas.update(attempt=2),
        lambda d: make.make_event(d),
        lambda d: make_attempt(d.generations.get().replicas.get()),
        lambda d: d.generations.get().replicas.update(restarts=1),
        lambda d: Generation.objects.update(outcome="RUNNING", readiness_answer=TEXT(text="GET / answered 200")),
        lambda d: Deployment.objects.update(verified_at=timezone.now()),
    ],
)
def test_every_change_that_is_shown_ends_the_204(client: Client, change: Any) -> None:
    deployment = pending()
    Generation.objects.update(steps={Step.REQUESTED: "2026-01-01T00:00:00+00:00"})
    poll = poll_of(page(signed_in(client), deployment))
    assert client.get(poll).status_code == 204

    change(deployment)
    Generation.objects.filter(steps__has_key="PLACED").update(steps={Step.PLACED: "2026-01-01T00:00:09+00:00"})

    assert client.get(poll).status_code == 200


def test_the_poll_shows_the_page_anew_when_a_step_becomes_slower_than_usual(client: Client) -> None:
    for _ in range(3):
        begin(make.make_deployment())
    deployment = pending()
    just_now = timezone.now().isoformat()
    Generation.objects.filter(deployment=deployment).update(steps={Step.REQUESTED: just_now, Step.PLACED: just_now})
    poll = poll_of(page(signed_in(client), deployment))
    assert "until=" in poll
    assert client.get(poll).status_code == 204

    passed = re.sub(r"until=[^&]+", "until=2020-01-01T00:00:00%2B00:00", poll)

    assert client.get(passed).status_code == 200


@pytest.mark.parametrize("status", [Status.RUNNING, Status.STOPPED, Status.DEAD])
def test_a_settled_deployment_is_asked_for_as_often_as_a_list(client: Client, status: Status) -> None:
    deployment = make.make_deployment(status=status)
    make.make_replica(begin(deployment, outcome="FAILED" if status is Status.DEAD else "RUNNING"))

    html = page(signed_in(client), deployment)

    assert client.get(poll_of(html)).status_code == 204
    assert 'hx-trigger="every 5s, visibilitychange from:document"' in html


@pytest.mark.parametrize(
    "values",
    [
        {"target_status": TargetStatus.STOPPED},
        {"target_status": TargetStatus.DELETED},
        {"generation": 2},
        {"unreachable_since": timezone.now()},
    ],
)
def test_what_will_change_is_asked_for_more_often(client: Client, values: dict[str, Any]) -> None:
    assert 'hx-trigger="every 2s, visibilitychange from:document"' in page(signed_in(client), running(**values))


def test_what_others_hold_is_part_of_a_page_that_says_so(client: Client) -> None:
    """While it waits, the page names who holds the rest: that changes without the deployment itself."""
    holder, waiting, settled = running(), pending(), running()
    Generation.objects.filter(deployment=waiting).update(waiting=TEXT(text="It needs 3 GB, 1 GB free."))
    signed_in(client)
    polls = {deployment: poll_of(page(client, deployment)) for deployment in (waiting, settled)}

    Generation.objects.get(deployment=holder).replicas.update(is_reserved=False)

    assert client.get(polls[waiting]).status_code == 200
    assert client.get(polls[settled]).status_code == 204


def test_an_end_that_comes_near_changes_the_page_by_itself(client: Client) -> None:
    deployment = running(ttl="4h", expires_at=timezone.now() + timedelta(hours=3))

    assert "until=" in poll_of(page(signed_in(client), deployment))


def test_how_long_it_has_been_running_goes_on_in_the_browser(client: Client) -> None:
    began = timezone.now() - timedelta(minutes=2, seconds=5)
    deployment = running()
    Deployment.objects.update(started_at=began)

    html = page(signed_in(client), deployment)

    assert f'data-since="{began.isoformat()}">2 min 5 s<' in html


def test_every_page_looks_for_news_and_says_nothing_while_there_are_none(client: Client) -> None:
    assert client.get(reverse("ping")).status_code == 204
    assert client.get(reverse("unread"), {"v": "0"}).status_code == 204, "nobody is signed in"
    user = make.make_user(Role.EDITOR)
    client.force_login(user)
    bell = re.search(r'id="bell" hx-get="([^"]+)"', client.get(reverse("scenarios")).content.decode())
    assert bell is not None
    assert client.get(bell[1]).status_code == 204

    deployment = make.make_deployment(created_by=user.get_username())
    make.make_event(deployment, reason="StatusChanged", status="DEAD")

    assert "Notifications: 1 unread" in client.get(bell[1], headers={"HX-Request": "true"}).content.decode()
