"""The pages of deployments in a real Chromium: they follow what happens, keep what is entered, and are accessible."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import timezone
from playwright.sync_api import expect

from deployments.auth import tokens
from deployments.gateway import tls
from deployments.lifecycle import ExitReason, Status, Step
from deployments.messages import TEXT
from deployments.models import Attempt, Deployment, Generation
from deployments.scheduling.server_specs import server_spec_of, to_dict
from tests import factories as make
from tests.browser import DESKTOP, MOBILE, faults_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def coming_up(name: str = "iris") -> Deployment:
    configuration = make.make_configuration(name=name)
    deployment = make.make_deployment(configuration, status=Status.PENDING, **make.said("Starting the server."))
    steps = {step.value: timezone.now().isoformat() for step in (Step.REQUESTED, Step.PLACED, Step.FETCHED)}
    generation = make.make_generation(deployment, server_spec=to_dict(server_spec_of(configuration)), steps=steps)
    make.make_replica(generation, phase="STARTING", healthy_since=None)
    return deployment


def become_running(deployment: Deployment) -> None:
    now = timezone.now()
    steps = {step.value: now.isoformat() for step in Step}
    deployment.generations.get().replicas.update(phase="HEALTHY", healthy_since=now)
    Generation.objects.filter(deployment=deployment).update(steps=steps, outcome="RUNNING")
    Deployment.objects.filter(pk=deployment.pk).update(
        status="RUNNING", **make.said("Running."), serving_generation=1, started_at=now, verified_at=now
    )


def dead() -> Deployment:
    message = "The server ended with exit code 1."
    configuration = make.make_configuration()
    deployment = make.make_deployment(
        configuration,
        status=Status.DEAD,
        **make.said(message),
        status_severity="error",
        latest_running_configuration=configuration,
    )
    generation = make.make_generation(
        deployment, server_spec=to_dict(server_spec_of(configuration)), outcome="FAILED", **make.said(message)
    )
    replica = make.make_replica(generation, phase="EXITED", is_reserved=False)
    Attempt.objects.create(
        replica=replica,
        number=1,
        started_at=timezone.now() - timedelta(seconds=5),
        ended_at=timezone.now(),
        exit_reason=ExitReason.EXITED,
        exit_code=1,
        first_error="ValueError: no such model",
        **make.said(message),
    )
    make.make_event(deployment, message, severity="error", reason="StatusChanged", status="DEAD")
    return deployment


def test_the_list_follows_a_change_and_keeps_ticks_and_focus(open_page: Any) -> None:
    deployment = coming_up()
    page = open_page("/deployments/")
    row = page.locator(f"#{deployment.pk}")
    row.get_by_role("checkbox").check()
    page.locator("#q").focus()

    become_running(deployment)

    expect(row.locator("td.line .status")).to_have_text("RUNNING", timeout=10_000)
    expect(row.get_by_role("checkbox")).to_be_checked()
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#list-tabs a", has_text="Running")).to_have_text(re.compile(r"Running\s+1"))
    expect(page.locator("#announcer")).to_have_text(f"Deployment {deployment.pk} is RUNNING")


def test_the_list_is_filtered_while_one_types_and_the_address_keeps_it(open_page: Any) -> None:
    coming_up("iris")
    coming_up("wine")
    page = open_page("/deployments/")

    page.locator("#q").press_sequentially("win")

    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#list-title")).to_have_text("Deployments (1)")
    assert page.url.endswith("?q=win")


def test_the_details_follow_it_and_keep_what_is_typed(open_page: Any) -> None:
    deployment = coming_up()
    page = open_page(f"/deployments/{deployment.pk}/")
    page.locator("#playground-body").fill("typed by hand")
    expect(page.locator("#step-started.now")).to_be_visible()

    become_running(deployment)

    expect(page.locator("#facts")).to_contain_text("/v2/inference/deployments/", timeout=10_000)
    expect(page.locator("#progress-card")).to_have_count(0)
    expect(page.locator("#flow-deployment .status")).to_have_text("RUNNING")
    expect(page.locator("#facts")).to_have_attribute("hx-trigger", re.compile("every 5s"))
    expect(page.locator("#playground-body")).to_have_value("typed by hand")
    expect(page.locator("#announcer")).to_have_text(f"Deployment {deployment.pk} is RUNNING")


def test_a_settled_page_finds_out_what_happens_to_it_later(open_page: Any) -> None:
    """A killed server, a stop by somebody else: the page that stays open says so without a reload."""
    deployment = coming_up()
    become_running(deployment)
    page = open_page(f"/deployments/{deployment.pk}/")
    clock = page.locator("#facts [data-since]")
    first = clock.text_content()
    page.evaluate("document.body.kept = true")
    expect(clock).not_to_have_text(first)
    page.locator("#playground-body").fill("typed by hand")
    page.evaluate("document.querySelector('#answer').textContent = 'an answer'")

    message = "No server answers; starting again. The server was killed by signal 9 (SIGKILL)."
    Deployment.objects.filter(pk=deployment.pk).update(status="PENDING", **make.said(message), status_severity="error")
    deployment.generations.get().replicas.update(phase="EXITED", healthy_since=None)
    expect(page.locator("#facts .status").first).to_have_text("PENDING", timeout=10_000)
    expect(page.locator("#facts [data-since]")).to_have_count(0)
    expect(page.locator("#answer")).to_have_text("an answer")

    Deployment.objects.filter(pk=deployment.pk).update(
        status="STOPPED", target_status="STOPPED", serving_generation=None, **make.said("Stopped.")
    )
    expect(page.locator("#facts .status").first).to_have_text("STOPPED", timeout=10_000)
    expect(page.locator("#actions")).to_contain_text("Create again")
    expect(page.locator("#playground-body")).to_have_value("typed by hand")
    assert page.evaluate("document.body.kept"), "it was not loaded again"


def test_an_update_changes_every_part_of_the_page_at_once(open_page: Any) -> None:
    deployment = coming_up("old-one")
    become_running(deployment)
    old = deployment.configuration
    values = old.parameters | {"greeting": "good-day"}
    new = make.make_configuration(old.resource_group, old.executable, name="new-one", parameters=values)
    page = open_page(f"/deployments/{deployment.pk}/")
    page.evaluate("document.querySelector('#answer').textContent = 'of the old one'")

    Deployment.objects.filter(pk=deployment.pk).update(configuration=new, generation=2)
    expect(page.locator("#facts")).to_contain_text("Serving old-one, updating to new-one", timeout=10_000)
    expect(page.locator("#flow")).to_contain_text("Updating to new-one")
    expect(page.locator("#values")).not_to_contain_text("good-day")
    expect(page.locator("#answer")).to_have_text("of the old one")

    now = timezone.now()
    generation = make.make_generation(
        deployment,
        2,
        configuration=new,
        server_spec=to_dict(server_spec_of(new)),
        steps={s.value: now.isoformat() for s in Step},
    )
    make.make_replica(generation)
    Deployment.objects.filter(pk=deployment.pk).update(serving_generation=2, observed_generation=2)
    expect(page.locator("#facts")).not_to_contain_text("old-one", timeout=10_000)
    seen = page.evaluate("['flow', 'values', 'answer'].map(id => document.getElementById(id).textContent).join(' ')")
    assert "old-one" not in seen
    assert "of the old one" not in seen
    assert "good-day" in seen


def test_a_message_goes_when_it_is_not_true_any_more_or_when_it_is_closed(open_page: Any) -> None:
    first, second = coming_up(), coming_up()
    page = open_page(f"/deployments/{first.pk}/")
    for _ in range(2):
        page.get_by_role("button", name="Stop", exact=True).click()
        page.locator("dialog").get_by_role("button", name="Stop").click()
        expect(page.locator("#messages")).to_contain_text("is being stopped")
        if page.url.endswith(f"/{first.pk}/"):
            Deployment.objects.filter(pk=first.pk).update(status="STOPPED")
            expect(page.locator("#messages .strip")).to_have_count(0, timeout=10_000)
            expect(page.locator("#facts .status").first).to_have_text("STOPPED")
            page.goto(f"/deployments/{second.pk}/")
    page.get_by_role("link", name="Close message").click()
    expect(page.locator("#messages")).to_be_hidden()


def test_the_open_tab_is_in_sight_on_a_narrow_screen(open_page: Any) -> None:
    deployment = dead()
    page = open_page(f"/deployments/{deployment.pk}/events/", size=MOBILE)

    expect(page.locator("#tabs [aria-current]")).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") == 0


def test_update_by_dialog_shows_the_difference_and_leads_back(open_page: Any) -> None:
    deployment = coming_up()
    become_running(deployment)
    current = deployment.configuration
    make.make_configuration(
        current.resource_group, current.executable, name="better", parameters=current.parameters | {"greeting": "hi"}
    )
    page = open_page(f"/deployments/{deployment.pk}/")

    page.get_by_role("button", name="Update").click()
    page.locator("dialog .pick-row", has_text="better").click()
    expect(page.locator("#update-chosen tr.changed", has_text="greeting")).to_contain_text("hi")
    page.locator("dialog").get_by_role("button", name="Update").click()

    expect(page.locator("#messages")).to_contain_text("Updating to better.")
    assert Deployment.objects.get(pk=deployment.pk).rollback_on_failure


def test_a_wrong_update_stays_in_the_dialog(open_page: Any) -> None:
    deployment = coming_up()
    page = open_page(f"/deployments/{deployment.pk}/")

    page.get_by_role("button", name="Update").click()
    page.locator("dialog").get_by_role("button", name="Update").click()

    expect(page.locator("dialog[open] .strip.negative")).to_have_text("Choose a configuration.")


def test_many_are_stopped_by_a_dialog_that_names_them(open_page: Any) -> None:
    running, ended = coming_up(), dead()
    page = open_page("/deployments/")
    for deployment in (running, ended):
        page.locator(f"#{deployment.pk}").get_by_role("checkbox").check()

    page.locator(".bulk").get_by_role("button", name="Stop").click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("1 of the 2 chosen are eligible")
    dialog.get_by_role("button", name="Stop").click()

    expect(page.locator("#messages")).to_contain_text("1 deployment is being stopped.")
    assert Deployment.objects.get(pk=running.pk).target_status == "STOPPED"
    assert Deployment.objects.get(pk=ended.pk).target_status == "RUNNING"


def test_the_wizard_goes_all_the_way_by_mouse(open_page: Any) -> None:
    make.make_configuration(name="iris")
    make.make_configuration(name="wine")
    page = open_page("/deployments/create/")
    for _ in range(2):
        page.get_by_role("button", name="Next").click()
    page.locator(".pick-row", has_text="wine").click()
    expect(page.locator("#create-chosen")).to_contain_text("wine")
    page.get_by_role("button", name="Next").click()
    page.locator(".choice", has_text="Custom").click()
    page.locator("#id_number").fill("5")
    page.locator("#id_unit").select_option("m")
    expect(page.locator("#duration-until")).to_contain_text("the minimum is 10 minutes")
    page.locator("#id_number").fill("15")
    expect(page.locator("#duration-until")).to_contain_text("It would run until")
    page.get_by_role("button", name="Next").click()

    page.get_by_role("button", name="Create").click()

    expect(page.locator("#messages")).to_contain_text("created.")
    assert Deployment.objects.get().ttl == "15m"


def test_a_token_comes_into_the_snippets_when_it_is_asked_for(open_page: Any) -> None:
    tls.ensure(configured.LAUNCHPAD_HOME)
    tokens.ensure_key()
    deployment = coming_up()
    become_running(deployment)
    page = open_page(f"/deployments/{deployment.pk}/")

    page.get_by_role("button", name="Get a token").click()

    expect(page.locator("#snippets")).to_contain_text("holds a token that expires")
    expect(page.locator("#snippet-curl")).to_contain_text("TOKEN=eyJ")


@pytest.mark.parametrize("size", [DESKTOP, MOBILE], ids=["desktop", "mobile"])
@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_every_page_is_accessible_and_fits(open_page: Any, theme: str, size: Any) -> None:
    waiting, ended, running = coming_up(), dead(), coming_up()
    become_running(running)
    Generation.objects.filter(deployment=waiting).update(
        waiting=TEXT(text="Waiting for capacity: it needs 11 GB of memory, 8 GB free."), steps={}
    )
    base = f"/deployments/{running.pk}"
    paths = [
        "/deployments/",
        "/deployments/?q=nothing",
        f"{base}/",
        f"{base}/status/",
        f"{base}/scaling/",
        f"{base}/resources/",
        "/deployments/?status=RUNNING&q=a",
        "/help/",
        "/notifications/",
        f"{base}/events/",
        f"{base}/logs/",
        f"{base}/update/?configuration={ended.configuration_id}",
        f"{base}/stop/",
        f"/deployments/{waiting.pk}/",
        f"/deployments/{ended.pk}/",
        "/deployments/create/",
        f"/deployments/create/?configuration={running.configuration_id}",
        "/deployments/create/?step=configuration",
    ]
    faults = faults_of(open_page("/deployments/", theme=theme, size=size), paths)

    assert not faults, "\n".join(faults)


def test_a_wrong_value_is_said_at_its_field_while_the_next_one_is_entered(open_page: Any) -> None:
    make.make_group()
    make.make_executable()
    page = open_page("/configurations/create/?executable=talker")
    page.get_by_role("textbox", name="Name").fill("mine")
    page.get_by_role("button", name="Next").last.click()

    page.get_by_role("textbox", name="threads").fill("many")
    page.get_by_role("textbox", name="topic").focus()
    page.keyboard.type("weather")

    expect(page.locator("[id='id_parameters.threads_error']")).to_contain_text("must be a whole number")
    expect(page.get_by_role("textbox", name="topic")).to_have_value("weather")
    expect(page.get_by_role("textbox", name="topic")).to_be_focused()
