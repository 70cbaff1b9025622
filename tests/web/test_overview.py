"""The overview: counts, what needs attention, capacity, and its live updates."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deployments.lifecycle import Status, TargetStatus
from deployments.messages import TEXT, render
from deployments.models import Deployment, Role
from deployments.queries.capacity import capacity_of
from deployments.queries.overview import needing_attention, plans_in_use
from tests import factories as make
from tests.web.html import squeezed

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client: Client) -> Client:
    make.make_group()
    client.force_login(make.make_user())
    return client


def figure(html: str, status: str) -> int:
    found = re.search(rf'id="count-{status}">.*?<b>(\d+)</b>', html, re.DOTALL)
    assert found
    return int(found[1])


def poll_of(html: str) -> str:
    found = re.search(r'id="overview" hx-get="([^"]+)"', html)
    assert found, "the page does not poll"
    return found[1].replace("&amp;", "&")


def test_it_counts_the_deployments_of_the_workspace_by_status(reader: Client) -> None:
    for status in (Status.RUNNING, Status.RUNNING, Status.DEAD):
        make.make_deployment(status=status)
    make.make_deployment(make.make_configuration(make.make_group("other")), status=Status.RUNNING)

    html = reader.get("/").content.decode()

    assert (figure(html, "RUNNING"), figure(html, "DEAD"), figure(html, "STOPPED")) == (2, 1, 0)
    assert 'href="/deployments/?status=RUNNING"' in html


def test_each_resource_group_has_its_counts_when_there_are_several(reader: Client) -> None:
    assert "group-default" not in reader.get("/").content.decode()
    make.make_group("other", deployment_quota=7)
    make.make_deployment(make.make_configuration(make.make_group("other")), status=Status.DEAD)

    html = squeezed(reader.get("/").content.decode())

    row = html[html.index('id="group-other"') :].split("</tr>")[0]
    assert re.findall(r'numeric[^"]*">(\d+)', row) == ["0", "0", "0", "0", "1", "0", "1"]
    assert "of 7" in row


def test_a_person_sees_only_the_groups_that_are_theirs(client: Client) -> None:
    mine = make.make_group("mine")
    make.make_group("of-others")
    client.force_login(make.make_user(groups=[mine]))

    assert "of-others" not in client.get("/").content.decode()


def test_without_deployments_it_says_what_to_do(reader: Client) -> None:
    assert "No deployment templates yet" in reader.get("/").content.decode()
    make.make_executable()

    html = reader.get("/").content.decode()

    assert "No deployments yet" in html
    assert 'href="/deployments/create/"' in html


def test_what_is_dead_waits_long_or_ends_soon_needs_attention_in_this_order() -> None:
    now = timezone.now()
    long_ago, just_now = now - timedelta(minutes=10), now - timedelta(minutes=1)
    ending = make.make_deployment(expires_at=now + timedelta(minutes=50))
    waiting = make.make_deployment(status=Status.PENDING, status_changed_at=long_ago)
    make.make_generation(waiting, waiting=TEXT(text="It needs 11 GB of memory, 8 GB of memory free."))
    unseen = make.make_deployment(unreachable_since=just_now)
    dead = make.make_deployment(status=Status.DEAD)
    make.make_deployment(status=Status.PENDING, status_changed_at=just_now)
    make.make_deployment(expires_at=now + timedelta(hours=2))
    make.make_deployment(status=Status.DEAD, target_status=TargetStatus.DELETED.value)
    make.make_deployment(make.make_configuration(make.make_group("other")), status=Status.DEAD)

    shown, total = needing_attention("default", now=now)

    assert [(item.deployment.pk, item.cause) for item in shown] == [
        (dead.pk, "dead"),
        (unseen.pk, "unseen"),
        (waiting.pk, "waiting"),
        (ending.pk, "ending"),
    ]
    assert total == 4
    assert "needs 11 GB" in render(shown[2].waiting)
    assert shown[3].since == ending.expires_at


def test_more_than_fits_is_counted(reader: Client) -> None:
    configuration = make.make_configuration()
    for _ in range(12):
        make.make_deployment(configuration, status=Status.DEAD)

    html = reader.get("/").content.decode()

    assert "Needs attention (12)" in squeezed(html)
    assert html.count('id="attention-') == 8


def test_capacity_is_what_replicas_hold_on_the_connection() -> None:
    group, other = make.make_group(), make.make_group("other")
    plans = {"tiny": (250, 512_000_000), "starter": (1000, 3_000_000_000)}
    for number, (plan, (cpu, memory)) in enumerate([*plans.items(), ("starter", plans["starter"])]):
        deployment = make.make_deployment(make.make_configuration(other if number else group))
        generation = make.make_generation(deployment, server_spec={"resource_plan": plan})
        make.make_replica(generation, cpu_millis=cpu, memory_bytes=memory)
    make.make_replica(generation, 1, is_reserved=False)

    room = capacity_of(group.connection)
    in_use = plans_in_use(group.connection)

    assert room
    assert (room.reserved.cpu_millis, room.reserved.memory_bytes) == (2250, 6_512_000_000)
    assert room.total.memory_bytes > 0
    assert [(use.plan, use.replicas, use.deployments, use.memory_bytes) for use in in_use] == [
        ("starter", 2, 2, 6_000_000_000),
        ("tiny", 1, 1, 512_000_000),
    ]


def test_a_quota_is_shown_with_what_is_used_of_it(client: Client) -> None:
    make.make_group(deployment_quota=1)
    make.make_deployment()
    client.force_login(make.make_user())

    html = client.get("/").content.decode()

    assert "1 of 1" in html
    assert "All of it is in use" in html


def test_a_poll_of_an_unchanged_overview_is_204_with_two_queries(reader: Client) -> None:
    make.make_deployment(status=Status.PENDING)
    address = poll_of(reader.get("/").content.decode())

    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = reader.get(address)

    assert answer.status_code == 204
    assert len(queries) == 2


def test_a_poll_after_a_change_brings_the_new_state(reader: Client) -> None:
    deployment = make.make_deployment(status=Status.PENDING)
    address = poll_of(reader.get("/").content.decode())

    Deployment.objects.filter(pk=deployment.pk).update(status=Status.RUNNING.value)

    answer = reader.get(address)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert figure(html, "RUNNING") == 1
    assert poll_of(html) != address
    assert "<html" not in html


def test_a_poll_without_a_session_leads_to_sign_in(reader: Client) -> None:
    address = poll_of(reader.get("/").content.decode())
    reader.logout()

    answer = reader.get(address, headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/"})

    assert answer["HX-Redirect"] == "/sign-in/?next=%2F"


def test_the_number_of_queries_does_not_grow_with_the_deployments(reader: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            reader.get("/")
        return len(queries)

    make.make_generation(make.make_deployment(status=Status.DEAD))
    few = count()
    for number in range(10):
        deployment = make.make_deployment(make.make_configuration(make.make_group(f"group-{number}")))
        make.make_replica(make.make_generation(deployment, server_spec={"resource_plan": "tiny"}))
        make.make_deployment(status=Status.DEAD)

    assert count() <= few + 1  # one more when the shown do not say how many there are


def test_a_viewer_sees_the_overview(client: Client) -> None:
    make.make_deployment()
    client.force_login(make.make_user(Role.VIEWER))

    assert client.get("/").status_code == 200
