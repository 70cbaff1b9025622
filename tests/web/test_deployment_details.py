"""The pages of one deployment: facts, what is going on, status, events, and the poll that keeps them fresh."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deployments.gateway.endpoint import inference_url
from deployments.lifecycle import Status, Step
from deployments.messages import TEXT
from deployments.models import Attempt, Deployment, Generation, Role
from tests import factories as make
from tests.web.deployment_pages import TABS, begin, failed, page, running, signed_in, updating
from tests.web.html import squeezed

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", [*TABS, "deployment-log-download"])
def test_a_deployment_that_may_not_be_seen_is_not_there(client: Client, name: str) -> None:
    hidden = make.make_deployment(make.make_configuration(make.make_group("theirs")))
    signed_in(client, groups=[make.make_group("mine")])

    assert client.get(reverse(name, args=[hidden.pk])).status_code == 404
    assert client.get(reverse(name, args=["dnobody"])).status_code == 404


@pytest.mark.parametrize("name", TABS)
@pytest.mark.parametrize("status", list(Status))
def test_every_tab_can_be_shown_in_every_status(client: Client, name: str, status: Status) -> None:
    deployment = make.make_deployment(status=status)
    if status is not Status.UNKNOWN:
        begin(deployment)

    html = page(signed_in(client), deployment, name)

    assert html.count('aria-current="page"') >= 2, "navigation and tab tell where one is"
    assert f"Deployment {deployment.pk} is {status}" in html


def test_the_head_gives_the_url_when_there_is_one(client: Client) -> None:
    serving, waiting = running(), make.make_deployment(status=Status.PENDING)
    begin(waiting)
    signed_in(client)

    assert f'data-copy="{inference_url(serving.pk)}"' in page(client, serving)
    assert '<span class="muted">Pending</span>' in page(client, waiting)
    assert "URL not available" in page(client, make.make_deployment(status=Status.STOPPED))


def test_actions_that_are_not_allowed_stay_in_reach_and_say_why(client: Client) -> None:
    html = squeezed(page(signed_in(client), running()))

    assert re.search(r'aria-disabled="true"[^>]*>Delete<', html)
    assert "A deployment that is RUNNING cannot be deleted. Stop it first." in html
    assert reverse("deployment-stop", args=[Deployment.objects.get().pk]) in html


def test_a_viewer_is_told_that_the_role_is_missing(client: Client) -> None:
    html = page(signed_in(client, Role.VIEWER), running())

    assert html.count('aria-disabled="true"') == 3
    assert "This needs the role Editor; yours is Viewer." in html


def test_the_end_of_the_duration_is_pointed_out_within_the_hour(client: Client) -> None:
    soon = running(ttl="4h", expires_at=timezone.now() + timedelta(minutes=50))
    later = running(ttl="4h", expires_at=timezone.now() + timedelta(hours=3))
    signed_in(client)

    assert "ends soon" in page(client, soon)
    assert "ends soon" not in page(client, later)


def test_a_stopped_one_can_be_created_again(client: Client) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)

    html = page(signed_in(client), deployment)

    assert f"{reverse('deployment-create')}?configuration={deployment.configuration_id}" in html


# --- what is going on -------------------------------------------------------------------------------------------


def test_why_it_waits_is_told_with_numbers_and_with_who_holds_the_rest(client: Client) -> None:
    holder = running()
    waiting = make.make_deployment(status=Status.PENDING)
    cause = "Waiting for capacity: it needs 11 GB of memory, 8 GB of memory free."
    begin(waiting, waiting=TEXT(text=cause))

    html = page(signed_in(client), waiting)

    assert "Why is it waiting?" in html
    assert cause in html
    assert "This one needs 0.25 CPU, 512 MB (plan tiny)." in html
    assert reverse("deployment-stop", args=[holder.pk]) in html


def test_what_others_may_not_see_is_not_named_as_holder(client: Client) -> None:
    hidden = make.make_deployment(make.make_configuration(make.make_group("theirs")))
    make.make_replica(begin(hidden))
    waiting = make.make_deployment(make.make_configuration(make.make_group("mine")), status=Status.PENDING)
    begin(waiting, waiting=TEXT(text="Waiting for capacity: it needs 11 GB of memory, 8 GB of memory free."))

    html = page(signed_in(client, groups=[make.make_group("mine")]), waiting)

    assert "Why is it waiting?" in html
    assert hidden.pk not in html


def test_steps_tell_what_is_done_what_is_under_way_and_what_usually_takes_how_long(client: Client) -> None:
    for _ in range(3):
        done = make.make_deployment()
        began = timezone.now() - timedelta(hours=1)
        steps = {step.value: (began + timedelta(seconds=2 * i)).isoformat() for i, step in enumerate(Step)}
        begin(done, began_at=began, steps=steps)
    deployment = make.make_deployment(status=Status.PENDING, **make.said("Starting the server."))
    begin(deployment, steps={Step.REQUESTED: timezone.now().isoformat(), Step.PLACED: timezone.now().isoformat()})

    html = page(signed_in(client), deployment)

    states = dict(re.findall(r'<li class="(\w+)" id="step-(\w+)"', html)[::-1])
    names = re.findall(r'id="step-(\w+)"', html)
    assert names == ["requested", "placed", "fetched", "started", "healthy", "verified", "routed"]
    assert states["now"] == "fetched", "its template has no requirements, so no environment is prepared"
    assert "Starting the server." in html
    assert "usually 2 s" in html
    assert "slower than usual" not in html


def test_a_step_that_takes_much_longer_than_usual_is_pointed_out(client: Client) -> None:
    for _ in range(3):
        begin(make.make_deployment())
    deployment = make.make_deployment(status=Status.PENDING)
    long_ago = (timezone.now() - timedelta(minutes=5)).isoformat()
    begin(deployment, steps={Step.REQUESTED: long_ago, Step.PLACED: long_ago})

    assert "slower than usual" in page(signed_in(client), deployment)


def test_a_failure_explains_itself_and_offers_the_way_back(client: Client) -> None:
    deployment = failed()
    last = make.make_configuration(executable=deployment.configuration.executable, name="good-one")
    Deployment.objects.update(latest_running_configuration=last)
    attempt = Attempt.objects.get()

    html = page(signed_in(client), deployment)

    assert "Why did it fail?" in html
    assert "exit code 1" in html
    assert "ValueError: no such model" in html
    assert f"{reverse('deployment-logs', args=[deployment.pk])}?error={attempt.pk}#first-error" in html
    assert "Read the log from its first error on" in html
    assert "Roll back to <bdi>good-one</bdi>" in html
    assert reverse("deployment-roll-back", args=[deployment.pk]) in html


def test_a_viewer_is_not_offered_the_way_back(client: Client) -> None:
    deployment = failed()
    Deployment.objects.update(latest_running_configuration=deployment.configuration)

    assert "roll-back" not in page(signed_in(client, Role.VIEWER), deployment)


def test_an_update_under_way_says_that_the_old_one_serves_on(client: Client) -> None:
    deployment = updating()

    html = page(signed_in(client), deployment)

    assert "Update to <bdi>new-one</bdi> in progress. <bdi>old-one</bdi> keeps serving" in html
    assert "every 2s" in html


def test_a_failed_update_that_returned_says_so(client: Client) -> None:
    message = "Update to new-one failed: The server ended with exit code 1. Returned to old-one."
    deployment = running(generation=2, observed_generation=2, failed_generation=2, **make.said(message))
    begin(deployment, 2, outcome="FAILED", **make.said("The server ended with exit code 1."))

    assert message in page(signed_in(client), deployment)


def test_what_is_out_of_sight_is_said_to_be_so(client: Client) -> None:
    deployment = running(unreachable_since=timezone.now())

    html = page(signed_in(client), deployment)

    assert "cannot be reached, so the state shown is that of" in html
    assert "Model servers go on running." in html


def test_parameters_can_be_searched(client: Client) -> None:
    values = {f"name{i}": f"value{i}" for i in range(12)}
    deployment = make.make_deployment(make.make_configuration(parameters=values))

    html = page(signed_in(client), deployment, find="VALUE7")

    rows = html[html.index('id="value-rows"') :]
    assert "name7" in rows
    assert "name3" not in rows


# --- status and events ------------------------------------------------------------------------------------------


def test_status_has_steps_replicas_attempts_and_messages(client: Client) -> None:
    deployment = failed()
    event = make.make_event(deployment, "It was created.", reason="Created", actor="maria", severity="warning")

    html = page(signed_in(client), deployment, "deployment-status")

    assert re.search(r'class="failed" id="step-started"', html)
    assert f"{deployment.pk}-1-0" in html
    row = html[html.index(f'id="event-{event.pk}"') :].partition("</tr>")[0]
    for part in ("It was created.", "<code>Created</code>", "maria", "Warning", "<time"):
        assert part in row


def test_events_come_in_pages(client: Client) -> None:
    deployment = make.make_deployment()
    for number in range(105):
        make.make_event(deployment, f"event {number}", at=timezone.now() + timedelta(seconds=number))
    signed_in(client)

    first = page(client, deployment, "deployment-events")
    assert "1–100 of 105" in first
    assert "event 104" in first
    assert "event 4<" not in first
    assert "event 4<" in page(client, deployment, "deployment-events", page="2")


def test_the_number_of_queries_does_not_grow_with_events_attempts_and_replicas(client: Client) -> None:
    deployment = running()
    replica = Generation.objects.get().replicas.get()
    signed_in(client)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            page(client, deployment)
            page(client, deployment, "deployment-status")
        return len(seen)

    before = queries()
    for number in range(2, 15):
        make.make_event(deployment)
        Attempt.objects.create(replica=replica, number=number, started_at=timezone.now())
        make.make_replica(Generation.objects.get(), number)

    assert queries() == before
