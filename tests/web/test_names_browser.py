"""Names that break tables: long, without a space, emoji, from right to left, markup. Every page, at three widths."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.urls import reverse
from django.utils import timezone

from deployments.auth import tokens
from deployments.gateway import tls
from deployments.lifecycle import ExitReason, Status, Step
from deployments.messages import TEXT
from deployments.models import (
    Actor,
    Attempt,
    AuditEntry,
    Configuration,
    Deployment,
    Generation,
    Role,
    SavedView,
    ServiceKey,
    User,
)
from deployments.operations.secrets import create_secret
from deployments.scheduling.server_specs import server_spec_of, to_dict
from tests import factories as make
from tests.layout import layout_faults

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NAMES = [
    "fraud_detection_of_card_payments_gradient_boosted_trees_2026_10_31_candidate_a",
    "x" * 200,
    "Größenverhältnisse der Fußgängerübergänge im Jahresüberblick",
    "نموذج التنبؤ by מודל",
    "🧑🏿‍🔬🧪 trial 👩‍❤️‍👨",
    "<i>slanted</i> & \"double\" 'single' \\ back/slash",
    '=HYPERLINK("http://y")',
    "  two   spaces ",
]
NUMBERS = ", ".join(f"{number / 7:.6f}" for number in range(60))
GROUP = "group." + "g" * 120
ACTOR = Actor(name="ada", role=Role.ADMINISTRATOR)
WIDTHS = [390, 768, 1440]


def make_named(name: str, number: int) -> tuple[Configuration, Deployment]:
    """Make one of everything with a name: scenario, template, artifact, configuration, and a deployment in a state."""
    group = make.make_group(GROUP)
    executable = make.make_executable(f"template-{number}", scenario=f"scenario-{number}")
    executable.scenario.name = executable.name = executable.description = name
    executable.scenario.description, executable.version = name, f"1.2.{number}"
    executable.scenario.save()
    executable.save()
    artifact = make.make_artifact(group, scenario=executable.scenario, name=name, url=f"https://x.example/{'m' * 200}")
    configuration = make.make_configuration(
        group,
        executable,
        name=name,
        parameters={"greeting": name, "threads": "2", "topic": NUMBERS},
        inputs={"model": str(artifact.pk)},
    )
    status = list(Status)[number % len(Status)]
    deployment = make.make_deployment(
        configuration,
        status=status,
        **make.said(f"It waits for {name}."),
        created_by=name[:150],
        latest_running_configuration=configuration,
    )
    add_history(deployment, name)
    return configuration, deployment


def add_history(deployment: Deployment, name: str) -> None:
    failed = deployment.status == Status.DEAD
    outcome: dict[str, Any] = {"outcome": Generation.Outcome.FAILED, **make.said(f"The server said {name}.")}
    ended: dict[str, Any] = {"phase": "EXITED", "is_reserved": False}
    server_spec = to_dict(server_spec_of(deployment.configuration))
    generation = make.make_generation(deployment, server_spec=server_spec, **(outcome if failed else {}))
    replica = make.make_replica(generation, **(ended if failed else {}))
    if failed:
        began = timezone.now() - timedelta(seconds=5)
        attempt = Attempt(replica=replica, number=1, started_at=began, ended_at=timezone.now(), first_error=name)
        attempt.exit_reason, attempt.exit_code = ExitReason.EXITED, 1
        attempt.reason, attempt.params = "Message", {"text": name}
        attempt.save()
    make.make_event(deployment, f"Something happened to {name}.", actor=name[:150])
    if deployment.status == Status.PENDING:
        steps = {step.value: timezone.now().isoformat() for step in (Step.REQUESTED, Step.PLACED)}
        deployment.generations.update(
            steps=steps, waiting=TEXT(text="Waiting for capacity: it needs 11 GB of memory, 8 GB free.")
        )


def pages_of(configuration: Configuration, deployment: Deployment) -> list[str]:
    """Return the addresses of the pages about things of one name."""
    executable = configuration.executable
    tabs = ("", "-status", "-scaling", "-resources", "-logs", "-events", "-update", "-stop", "-delete", "-roll-back")
    artifact = next(iter(configuration.inputs.values()))
    return [
        *(reverse(f"deployment{tab}", args=[deployment.pk]) for tab in tabs),
        reverse("scenario", args=[executable.scenario_id]),
        f"{reverse('scenario', args=[executable.scenario_id])}?tab=configurations",
        reverse("template", args=[executable.scenario_id, executable.pk]),
        f"{reverse('template', args=[executable.scenario_id, executable.pk])}?tab=deployments",
        reverse("configuration", args=[configuration.pk]),
        f"{reverse('configuration', args=[configuration.pk])}?tab=deployments",
        reverse("artifact", args=[artifact]),
        reverse("artifact-delete", args=[artifact]),
        f"{reverse('deployment-create')}?configuration={configuration.pk}",
        f"{reverse('configuration-create')}?from={configuration.pk}",
        f"{reverse('deployments')}?configuration={configuration.pk}&scenario={executable.scenario_id}"
        f"&executable={executable.pk}&q=e",
    ]


def lists() -> list[str]:
    names = ("overview", "scenarios", "configurations", "artifacts", "deployments", "notifications", "help")
    wizards = ("deployment-create", "configuration-create", "artifact-create")
    administration = ("connections", "groups", "users", "keys", "secrets", "audit-log", "key-create")
    return [reverse(name) for name in (*names, *wizards, *administration)]


@pytest.fixture
def named() -> list[tuple[Configuration, Deployment]]:
    """Everything that a page can name, in each of the names."""
    tls.ensure(configured.LAUNCHPAD_HOME)
    tokens.ensure_key()
    make.make_group("small")
    made = [make_named(name, number) for number, name in enumerate(NAMES)]
    create_secret(ACTOR, make.make_group(GROUP), name="s" * 200, values={"k" * 200: "value"})
    for number, name in enumerate(NAMES):
        make.make_user(Role.EDITOR, username=f"{name[:140]}{number}", first_name=name[:150], last_name=name[:150])
        ServiceKey.objects.create(client_id=f"sk-{number}", name=name[:128])
        AuditEntry.objects.create(
            actor=name[:150],
            action="update",
            kind="user",
            name=name,
            before={"a": name},
            after={"a": 2},
            channel="api",
        )
    return made


def complaints(page: Any, path: str, *, width: int) -> list[str]:
    page.set_viewport_size({"width": width, "height": 900})
    return [f"{path} at {width}: {fault}" for fault in layout_faults(page)]


def test_no_name_breaks_a_page(open_page: Any, named: list[tuple[Configuration, Deployment]]) -> None:
    page = open_page("/help/", role=Role.ADMINISTRATOR)
    user = User.objects.latest("pk")
    User.objects.filter(pk=user.pk).update(workspace=GROUP, first_name=NAMES[1][:150])
    for name in NAMES:
        SavedView.objects.create(user=user, name=name[:64], query="q=a")
    details = [path for number in (0, 1, 3, 4, 5) for path in pages_of(*named[number])]
    found = []
    for path in [*lists(), *details]:
        page.goto(path)
        for width in WIDTHS:
            found += complaints(page, path, width=width)

    assert not found, "\n".join(found)


def test_no_name_breaks_a_menu_a_dialog_or_a_toast(
    open_page: Any, named: list[tuple[Configuration, Deployment]]
) -> None:
    deployment = named[1][1]
    page = open_page(reverse("deployment", args=[deployment.pk]), role=Role.ADMINISTRATOR)
    user = User.objects.latest("pk")
    User.objects.filter(pk=user.pk).update(workspace=GROUP)
    for name in NAMES:
        SavedView.objects.create(user=user, name=name[:64], query="q=a")
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for action in ("update", "delete", "stop"):
            page.goto(reverse("deployment", args=[deployment.pk]))
            page.evaluate(
                "(url) => htmx.ajax('GET', url, '#dialogs')", reverse(f"deployment-{action}", args=[deployment.pk])
            )
            page.locator("dialog[open]").wait_for()
            found += complaints(page, action, width=width)
        page.goto("/deployments/")
        page.evaluate(
            """(name) => {
          const toast = Object.assign(document.createElement("p"), { className: "toast", textContent: name });
          document.querySelector("#toasts").append(toast);
          document.querySelector("#views-menu").showPopover();
        }""",
            NAMES[1],
        )
        found += complaints(page, "toast", width=width)
        box = page.locator("#views-menu").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert page.locator("#views-menu").evaluate("(menu) => menu.scrollWidth <= menu.clientWidth")

    assert not found, "\n".join(found)


def test_a_name_from_right_to_left_changes_nothing_beside_it(open_page: Any) -> None:
    configuration, deployment = make_named("מודל 3", 0)
    page = open_page(reverse("configuration", args=[configuration.pk]))

    for path in (reverse("configurations"), reverse("deployment", args=[deployment.pk])):
        page.goto(path)
        loose = page.evaluate(
            """(name) => [...document.querySelectorAll("main *")].filter((e) => e.checkVisibility()
              && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.includes(name))
              && getComputedStyle(e).unicodeBidi === "normal" && getComputedStyle(e).display === "inline")
              .map((e) => e.outerHTML)""",
            "מודל",
        )
        assert not loose, path


def test_a_value_of_sixty_numbers_is_clamped_until_all_of_it_is_asked_for(open_page: Any) -> None:
    configuration, deployment = make_named("numbers", 0)
    last = NUMBERS.rpartition(", ")[2]
    for path in (reverse("configuration", args=[configuration.pk]), reverse("deployment", args=[deployment.pk])):
        page = open_page(path)
        whole = page.locator("details.long").get_by_text(last)
        assert not whole.is_visible()
        height = page.locator("tr", has=page.locator("details.long")).bounding_box()["height"]
        assert height < 120, path
        page.locator("details.long summary").click()
        assert whole.is_visible()


def test_only_the_chosen_duration_is_marked(open_page: Any) -> None:
    configuration, _deployment = make_named("short", 0)
    page = open_page(f"{reverse('deployment-create')}?configuration={configuration.pk}")

    def colours() -> list[str]:
        return list(
            page.locator(".choice").evaluate_all(
                "(cards) => cards.map((card) => getComputedStyle(card).backgroundColor)"
            )
        )

    standard, custom = colours()
    assert standard != custom
    page.locator(".choice", has_text="Custom").click()
    page.mouse.move(0, 0)
    assert colours() == [custom, standard]


def test_a_short_page_does_not_scroll(open_page: Any) -> None:
    make.make_group()
    page = open_page("/help/", role=Role.ADMINISTRATOR)
    too_tall = []
    for path in [*lists(), "/sign-in/", reverse("password")]:
        page.goto(path)
        heights = page.evaluate(
            "[document.documentElement.scrollHeight, innerHeight, contentHeight()]".replace(
                "contentHeight()",
                "Math.max(...[...document.querySelectorAll('.page-body > *')]"
                ".map((e) => e.getBoundingClientRect().bottom), 0)",
            )
        )
        if heights[2] < 850 and heights[0] > heights[1]:
            too_tall.append(f"{path}: {heights[0]} of {heights[1]}, its content ends at {heights[2]:.0f}")

    assert not too_tall, "\n".join(too_tall)
