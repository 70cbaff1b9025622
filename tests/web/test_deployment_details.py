"""The pages of one deployment: facts, what is going on, status, events, and the poll that keeps them fresh."""

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

from deployments.gateway.endpoint import inference_url
from deployments.lifecycle import ExitReason, Status, Step, TargetStatus
from deployments.messages import TEXT
from deployments.models import Attempt, Deployment, Generation, Role
from deployments.scheduling.server_specs import server_spec_of, to_dict
from tests import factories as make
from tests.web.html import squeezed

pytestmark = pytest.mark.django_db

TABS = ["deployment", "deployment-status", "deployment-events", "deployment-logs"]


def signed_in(client: Client, role: Role = Role.EDITOR, **values: Any) -> Client:
    client.force_login(make.make_user(role, **values))
    return client


def running(**values: Any) -> Deployment:
    deployment = make.make_deployment(started_at=timezone.now(), verified_at=timezone.now(), **values)
    make.make_replica(begin(deployment))
    return deployment


def begin(deployment: Deployment, number: int = 1, **values: Any) -> Generation:
    values.setdefault("server_spec", to_dict(server_spec_of(values.get("configuration", deployment.configuration))))
    return make.make_generation(deployment, number, **values)


def failed(message: str = "The server ended with exit code 1.") -> Deployment:
    deployment = make.make_deployment(status=Status.DEAD, **make.said(message), status_severity="error")
    replica = make.make_replica(
        begin(deployment, outcome="FAILED", **make.said(message)), phase="EXITED", is_reserved=False
    )
    Attempt.objects.create(
        replica=replica,
        number=1,
        started_at=timezone.now() - timedelta(seconds=9),
        ended_at=timezone.now(),
        exit_reason=ExitReason.EXITED,
        exit_code=1,
        first_error="ValueError: no such model",
        **make.said(message),
    )
    return deployment


def page(client: Client, deployment: Deployment, name: str = "deployment", **query: str) -> str:
    answer = client.get(reverse(name, args=[deployment.pk]), query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def poll_of(html: str) -> str:
    found = re.search(r'id="facts"[^>]*hx-get="([^"]+)"', html)
    return found[1].replace("&amp;", "&") if found else ""


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

    assert "Update to <bdi>new-one</bdi> in progress. <bdi>old-one</bdi> goes on serving" in html
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


# --- live -------------------------------------------------------------------------------------------------------


def pending() -> Deployment:
    deployment = make.make_deployment(status=Status.PENDING, **make.said("Starting the server."))
    make.make_replica(begin(deployment), phase="STARTING")
    return deployment


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
    assert parts("deployment") == head | {"now", "flow", "values", "history", "try"}
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


# --- update, rollback and their failure -----------------------------------------------------------------------------


def updating(**values: Any) -> Deployment:
    """Return one that serves "old-one" while its generation 2, "new-one", is on its way."""
    old = make.make_configuration(name="old-one", parameters={"greeting": "hello", "threads": "2", "topic": "weather"})
    new = make.make_configuration(
        executable=old.executable, name="new-one", parameters=old.parameters | {"greeting": "good-day"}
    )
    deployment = running(configuration=old)
    Deployment.objects.update(configuration=new, generation=2, **{"observed_generation": 2, **values})
    deployment.refresh_from_db()
    if deployment.observed_generation == 2:
        steps = {Step.REQUESTED: timezone.now().isoformat()}
        make.make_replica(begin(deployment, 2, outcome="", steps=steps), phase="STARTING", healthy_since=None)
    return deployment


def card(html: str, pk: str) -> str:
    return html[html.index(f'id="{pk}"') :].partition("</section>")[0]


@pytest.mark.parametrize("observed", [1, 2], ids=["just asked for", "under way"])
def test_during_an_update_all_parts_say_which_configuration_serves(client: Client, observed: int) -> None:
    html = page(signed_in(client), updating(observed_generation=observed))

    facts = re.sub(r"<[^>]+>", "", html[html.index('id="facts"') :].partition("</dl>")[0])
    assert "Serving old-one, updating to new-one" in " ".join(facts.split())
    flow = re.sub(r"<[^>]+>|\s+", " ", card(html, "flow"))
    assert "old-one" in flow
    assert re.search(r"Updating to\s+new-one", flow)
    assert "good-day" not in card(html, "values")
    assert "of old-one, which serves" in card(html, "values")
    assert 'id="step-requested"' in card(html, "progress-card")


def test_one_answer_to_a_poll_changes_all_parts_together_when_an_update_is_done(client: Client) -> None:
    deployment = updating()
    poll = poll_of(page(signed_in(client), deployment))
    Generation.objects.filter(number=2).update(
        outcome="RUNNING", steps={step: timezone.now().isoformat() for step in Step}
    )
    Deployment.objects.update(serving_generation=2, latest_running_configuration=deployment.configuration)

    html = client.get(poll, headers={"HX-Request": "true"}).content.decode()

    assert "old-one" not in html
    assert "good-day" in card(html, "values")
    assert "new-one" in card(html, "flow")
    assert 'data-keep="2-0"' in card(html, "try")
    assert 'id="progress-card"' not in html


def test_the_first_view_after_a_rollback_shows_neither_old_advice_nor_old_buttons(client: Client) -> None:
    deployment = failed()
    last = make.make_configuration(executable=deployment.configuration.executable, name="good-one")
    Deployment.objects.update(latest_running_configuration=last)
    signed_in(client)
    assert "Why did it fail?" in page(client, deployment)

    client.post(reverse("deployment-roll-back", args=[deployment.pk]))

    for name in TABS:
        html = page(client, deployment, name)
        assert "Why did it fail?" not in html
        assert "roll-back" not in html
        assert "exit code 1" not in html or name in {"deployment-status", "deployment-events"}
    first = page(client, deployment)
    assert "What to try" not in first
    assert 'class="now" id="step-placed"' in card(first, "progress-card")
    assert "good-one" in card(first, "flow")


# --- attempts that fail on the way --------------------------------------------------------------------------------


def make_attempt(replica: Any, number: int = 1, **values: Any) -> Attempt:
    values = {"step": "STARTING", "exit_reason": ExitReason.EXITED, "exit_code": 1} | values
    now = timezone.now()
    return Attempt.objects.create(
        replica=replica,
        number=number,
        started_at=now - timedelta(seconds=4),
        **{"ended_at": now, **make.said("While it was starting: The server ended with exit code 1.")} | values,
        first_error="ValueError: no such model",
    )


def retrying(**values: Any) -> Deployment:
    """Return one whose first attempt has failed and whose second begins in 30 s."""
    deployment = pending()
    now = timezone.now()
    Generation.objects.update(steps={Step.REQUESTED: now.isoformat(), Step.PLACED: now.isoformat()})
    replica = deployment.generations.get().replicas.get()
    make_attempt(replica)
    again = {
        "attempt": 2,
        "restarts": 1,
        "restart_at": now + timedelta(seconds=30),
        "phase": "",
        "healthy_since": None,
    }
    deployment.generations.get().replicas.update(**again | values)
    return deployment


def step_of(html: str, step: str) -> str:
    return re.search(rf'<li class="\w+[^"]*" id="step-{step}".*?</li>', html, re.DOTALL)[0]  # type: ignore[index]


@pytest.mark.parametrize("name", ["deployment", "deployment-status"])
def test_a_failing_start_is_red_at_its_step_from_the_first_attempt_on(client: Client, name: str) -> None:
    html = page(signed_in(client), retrying(), name)

    failed_step = step_of(html, "started")
    assert 'class="failed"' in failed_step
    assert "The server ended with exit code 1." in failed_step
    assert "ValueError: no such model" in failed_step
    assert re.search(r"Attempt 2 of 6 at\s+<time", failed_step)
    assert 'class="done"' in step_of(html, "fetched"), "a server has run, so its model was there"
    assert 'class="upcoming"' in step_of(html, "healthy")


def test_what_to_try_is_said_from_the_first_failed_attempt_on(client: Client) -> None:
    html = page(signed_in(client), retrying())

    assert "Read the log from its first error on" in card(html, "progress-card")


def test_the_next_attempt_is_under_way_at_the_red_step_until_it_has_got_past_it(client: Client) -> None:
    deployment = retrying(restart_at=timezone.now() - timedelta(seconds=1), phase="STARTING")
    signed_in(client)
    assert re.search(r"Attempt 2 of 6 under way since\s+<time", step_of(page(client, deployment), "started"))

    now = timezone.now().isoformat()
    Generation.objects.update(steps={step: now for step in (Step.REQUESTED, Step.PLACED, Step.FETCHED, Step.STARTED)})

    html = page(client, deployment)
    assert 'class="done"' in step_of(html, "started")
    assert 'class="now"' in step_of(html, "healthy")
    assert "ValueError" not in card(html, "progress-card")


def test_an_update_that_fails_on_its_way_is_red_while_the_old_one_serves(client: Client) -> None:
    deployment = updating()
    replica = deployment.generations.get(number=2).replicas.get()
    make_attempt(replica, step="LISTENING")

    html = page(signed_in(client), deployment)

    assert 'class="failed"' in step_of(html, "healthy")
    assert "Attempt 2 of 6 follows" in step_of(html, "healthy")
    assert "Serving" in html


def test_a_step_that_took_too_long_is_red_there_and_not_where_an_earlier_attempt_failed(client: Client) -> None:
    deployment = retrying()
    now = timezone.now().isoformat()
    steps = {step: now for step in (Step.REQUESTED, Step.PLACED, Step.FETCHED, Step.STARTED)}
    reason = "The server did not become healthy within 5 min."
    Generation.objects.update(steps=steps, outcome="FAILED", reason=reason)
    Deployment.objects.update(status=Status.DEAD, **make.said(reason))

    html = page(signed_in(client), deployment, "deployment-status")

    assert 'class="failed"' in step_of(html, "healthy")
    assert reason in step_of(html, "healthy")


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
