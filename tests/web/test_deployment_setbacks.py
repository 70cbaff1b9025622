"""What a deployment's pages tell while an update is under way, after a rollback, and of attempts that fail."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.lifecycle import Status, Step
from deployments.models import Deployment, Generation
from tests import factories as make
from tests.web.deployment_pages import (
    TABS,
    failed,
    make_attempt,
    page,
    pending,
    poll_of,
    signed_in,
    updating,
)

pytestmark = pytest.mark.django_db


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
    assert 'data-keep="2-0"' in card(html, "playground")
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
