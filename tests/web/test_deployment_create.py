"""The wizard that creates deployments, without scripts: every step, the draft, preselection, and what is refused."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.messages import TEXT
from deployments.models import ConnectionStatus, Deployment, Draft, Role
from tests import factories as make
from tests.web.create_wizard import CREATE, HTMX, current_step, post, send, signed_in, up_to_review
from tests.web.html import squeezed
from tests.web.windows import Window, where

pytestmark = pytest.mark.django_db


def test_a_viewer_is_refused(client: Client) -> None:
    make.make_group()
    signed_in(client, Role.VIEWER)

    assert client.get(CREATE).status_code == 403
    assert client.post(CREATE, {"step": "scenario"}).status_code == 403


def test_the_whole_way_makes_a_deployment_and_forgets_the_draft(client: Client) -> None:
    configuration = make.make_configuration()
    window = signed_in(client)

    assert post(window, "scenario", scenario="talking") == f"{CREATE}?step=template"
    assert post(window, "template", executable="talker") == f"{CREATE}?step=configuration"
    assert post(window, "configuration", configuration=str(configuration.pk)) == f"{CREATE}?step=duration"
    assert post(window, "duration", kind="custom", number="12", unit="h") == f"{CREATE}?step=review"
    to = post(window, "review", do="create")

    deployment = Deployment.objects.get()
    assert to == reverse("deployment", args=[deployment.pk])
    assert deployment.configuration == configuration
    assert deployment.ttl == "12h"
    assert deployment.expires_at
    assert not Draft.objects.exists()


def test_the_review_shows_all_values_and_whether_it_fits(client: Client) -> None:
    configuration = make.make_configuration(name="iris")
    window = signed_in(client)
    up_to_review(window, configuration)

    html = window.step("review")

    for part in ("Scenario talking", "Template talker", "iris", "Standard (without limit)", "weather", "tiny"):
        assert part in html
    assert "Needs 0.25 CPU, 512 MB (1 replica, plan tiny)." in html
    assert re.search(r"It fits: [\d.]+ CPU, [\d.]+ GB free\.", html)


def test_the_review_says_what_is_short(client: Client) -> None:
    make.make_plan("tiny", memory_bytes=10**15)
    configuration = make.make_configuration()
    window = signed_in(client)
    up_to_review(window, configuration)

    html = window.step("review")

    assert "It can never run here: It needs 1000000 GB of memory" in html


def test_the_review_says_how_old_is_what_it_knows_of_the_connection(client: Client) -> None:
    configuration = make.make_configuration()
    window = signed_in(client)
    up_to_review(window, configuration)
    assert "As of" not in window.step("review")

    ConnectionStatus.objects.update(contacted_at=timezone.now() - timedelta(seconds=42))
    assert re.search(r"As of\s*<span[^>]*>4\d s</span> ago", window.step("review"))

    ConnectionStatus.objects.update(unreachable_since=timezone.now(), problem=TEXT(text="No route to it."))
    html = window.step("review")
    assert "Not reachable" in html
    assert "No route to it." in html


def test_the_draft_survives_a_reload_and_a_new_sign_in(client: Client) -> None:
    configuration = make.make_configuration()
    user = make.make_user(Role.EDITOR)
    client.force_login(user)
    window = Window(client, CREATE)
    post(window, "scenario", scenario="talking")
    post(window, "template", executable="talker")
    client.logout()
    client.force_login(user)

    html = window.step("")

    assert current_step(html) == "configuration"
    assert str(configuration.pk) in html
    fresh = Window(client, CREATE).open()
    assert current_step(fresh) == "scenario"
    assert f'href="?draft={window.fields["draft"]}"' in fresh, "it is offered where the wizard begins anew"


def test_back_keeps_what_was_entered(client: Client) -> None:
    configuration = make.make_configuration()
    window = signed_in(client)
    post(window, "scenario", scenario="talking")
    post(window, "template", executable="talker")

    assert post(window, "configuration", do="back", configuration=str(configuration.pk)) == f"{CREATE}?step=template"

    assert re.search(rf'value="{configuration.pk}"\s+checked', window.step("configuration"))


def test_cancel_forgets_everything(client: Client) -> None:
    make.make_configuration()
    window = signed_in(client)
    post(window, "scenario", scenario="talking")

    assert post(window, "template", do="cancel") == "/deployments/"
    assert not Draft.objects.exists()


def test_another_scenario_takes_back_what_depended_on_it(client: Client) -> None:
    configuration = make.make_configuration()
    make.make_executable("second", scenario="elsewhere")
    window = signed_in(client)
    up_to_review(window, configuration)

    post(window, "scenario", scenario="elsewhere")

    html = window.step("review")
    assert current_step(html) == "template"


def test_a_step_that_is_not_open_yet_shows_the_one_that_is(client: Client) -> None:
    make.make_configuration()
    window = signed_in(client)

    assert current_step(window.step("review")) == "scenario"
    assert current_step(window.step("nonsense")) == "scenario"


def test_the_only_scenario_template_and_configuration_are_preselected(client: Client) -> None:
    configuration = make.make_configuration()
    window = signed_in(client)

    assert re.search(r'value="talking"\s+checked', window.step(""))
    post(window, "scenario", scenario="talking")
    assert re.search(r'value="talker"\s+checked', window.step(""))
    post(window, "template", executable="talker")
    assert re.search(rf'value="{configuration.pk}"\s+checked', window.step(""))


@pytest.mark.parametrize(
    ("given", "step"),
    [
        (["scenario"], "template"),
        (["executable"], "configuration"),
        (["scenario", "executable"], "configuration"),
        (["configuration"], "duration"),
        (["scenario", "executable", "configuration"], "duration"),
    ],
)
def test_what_the_address_names_is_chosen_and_its_step_passed(client: Client, given: list[str], step: str) -> None:
    configuration = make.make_configuration()
    names = {"scenario": "talking", "executable": "talker", "configuration": str(configuration.pk)}

    answer = signed_in(client).client.get(CREATE, {name: names[name] for name in given})

    assert where(answer) == f"{CREATE}?step={step}"


@pytest.mark.parametrize("name", ["scenario", "executable", "configuration"])
def test_nonsense_in_the_address_chooses_nothing(client: Client, name: str) -> None:
    make.make_configuration()

    answer = signed_in(client).client.get(CREATE, {name: "nobody"})

    assert where(answer) == f"{CREATE}?step=scenario"


def test_a_configuration_of_another_group_cannot_be_chosen(client: Client) -> None:
    mine = make.make_configuration(make.make_group("mine"))
    theirs = make.make_configuration(make.make_group("theirs"))
    window = signed_in(client, groups=[make.make_group("mine")])
    post(window, "scenario", scenario="talking")
    post(window, "template", executable="talker")

    html = window.step("configuration")
    assert str(mine.pk) in html
    assert str(theirs.pk) not in html
    answer = send(window, "configuration", configuration=str(theirs.pk))

    assert answer.status_code == 422
    assert "Choose a configuration, or create one." in answer.content.decode()


def test_without_configurations_the_step_offers_to_create_one_and_to_come_back(client: Client) -> None:
    make.make_group()
    make.make_executable()
    window = signed_in(client)
    post(window, "scenario", scenario="talking")
    post(window, "template", executable="talker")

    html = window.step("configuration")

    come_back = f"?return={window.fields['draft']}&amp;executable=talker"
    assert f'href="{reverse("configuration-create")}{come_back}"' in html


def test_search_and_details_work_with_and_without_scripts(client: Client) -> None:
    wanted = make.make_configuration(name="Forest of trees")
    make.make_configuration(name="linear")
    window = signed_in(client)
    post(window, "scenario", scenario="talking")
    post(window, "template", executable="talker")

    key = {"draft": window.fields["draft"]}
    for headers, query in (({}, {}), (HTMX, {"part": "choices"})):
        asked = key | {"step": "configuration", "q": "FOREST"} | query
        html = client.get(CREATE, asked, headers=headers).content.decode()
        assert re.findall(r'name="configuration"[^>]*value="([^"]+)"', html) == [str(wanted.pk)]

    peek = key | {"step": "configuration", "peek": str(wanted.pk)}
    assert "weather" in client.get(CREATE, peek).content.decode()
    part = client.get(CREATE, peek | {"part": "chosen"}, headers=HTMX).content.decode()
    assert "weather" in part
    assert "<html" not in part


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"number": "5", "unit": "m"}, "The duration is too short: the minimum is 10 minutes (10m)."),
        ({"number": "", "unit": "h"}, "Write how long it may run, or choose the standard duration."),
        ({"number": "soon", "unit": "h"}, "is not a duration."),
        ({"number": "9999999", "unit": "d"}, "longer than ten years"),
    ],
)
def test_a_wrong_duration_is_refused_at_its_field_and_while_it_is_written(
    client: Client, values: dict[str, str], sentence: str
) -> None:
    configuration = make.make_configuration()
    window = signed_in(client)
    window.open(CREATE, configuration=str(configuration.pk))

    answer = send(window, "duration", kind="custom", **values)

    html = squeezed(answer.content.decode())
    assert answer.status_code == 422
    assert re.search(r'id="id_number"[^>]*aria-invalid="true"', html)
    field = re.search(r'id="duration-until".*?</span></span></span>', html, re.DOTALL)
    assert field
    assert sentence in field[0]
    written = client.get(CREATE, {"step": "duration", "check": "1", "kind": "custom", **values}, headers=HTMX)
    assert sentence in written.content.decode()
    assert current_step(window.step("")) == "duration"


def test_a_good_duration_says_when_it_would_end(client: Client) -> None:
    configuration = make.make_configuration()
    window = signed_in(client)
    window.open(CREATE, configuration=str(configuration.pk))

    answer = client.get(CREATE, {"step": "duration", "check": "1", "kind": "custom", "number": "10", "unit": "m"})

    assert "It would run until <time" in answer.content.decode()


def test_a_quota_that_is_used_up_is_told_on_the_review(client: Client) -> None:
    group = make.make_group(deployment_quota=1)
    configuration = make.make_configuration(group)
    make.make_deployment(configuration)
    window = signed_in(client)
    up_to_review(window, configuration)

    answer = send(window, "review", "create")

    assert answer.status_code == 422
    assert "The resource group default may have 1 deployments and has 1." in answer.content.decode()
    assert Deployment.objects.count() == 1
    assert Draft.objects.exists()


def test_a_template_that_cannot_run_here_says_so_before_anything_is_made(client: Client) -> None:
    text = make.TEMPLATE.format(executable="imaged", scenario="talking")
    text = text.replace('command: [python, -m, http.server, "{{runtime.port}}"]', "image: example/server")
    assert "example/server" in text
    make.make_executable("imaged", text=text)
    make.make_group()
    window = signed_in(client)
    post(window, "scenario", scenario="talking")

    assert "no command" in window.step("template")
    answer = send(window, "template", executable="imaged")

    assert answer.status_code == 422
    assert "gives a container image but no command" in answer.content.decode()


def test_a_configuration_deleted_meanwhile_counts_as_not_chosen(client: Client) -> None:
    configuration = make.make_configuration()
    window = signed_in(client)
    up_to_review(window, configuration)
    window.step("review")
    configuration.delete()

    answer = window.send(step="review", do="create")

    assert answer.status_code == 409
    assert current_step(answer.content.decode()) == "configuration"
    assert current_step(window.step("review")) == "configuration"
    assert not Deployment.objects.exists()
