"""The wizard that creates deployments in two windows, and while rights and drafts change under it."""

from __future__ import annotations

import pytest
from django.test import Client

from deployments.models import Deployment, Draft, Role
from tests import factories as make
from tests.web.create_wizard import CREATE, current_step, post, signed_in, up_to_review
from tests.web.windows import Window

pytestmark = pytest.mark.django_db


def test_each_window_creates_what_its_own_review_shows(client: Client) -> None:
    first, second = signed_in(client), Window(client, CREATE)
    chosen = [make.make_configuration(name=name) for name in ("one", "two")]
    for window, configuration in zip((first, second), chosen, strict=True):
        up_to_review(window, configuration)
    for window in (first, second):
        window.step("review")

    for window in (first, second):
        assert window.send(step="review", do="create").status_code == 302

    made = Deployment.objects.order_by("created_at")
    assert [deployment.configuration for deployment in made] == chosen


@pytest.mark.parametrize(
    ("step", "change"),
    [("configuration", {"configuration": "other"}), ("duration", {"kind": "custom", "number": "2", "unit": "d"})],
)
def test_a_review_whose_draft_another_window_has_changed_creates_nothing_and_shows_the_change(
    client: Client, step: str, change: dict[str, str]
) -> None:
    window = signed_in(client)
    other_configuration = make.make_configuration(name="the other one")
    up_to_review(window, make.make_configuration(name="shown"))
    window.step("review")
    copied = Window(client, CREATE)
    copied.open(CREATE, draft=window.fields["draft"])
    values = {name: str(other_configuration.pk) if value == "other" else value for name, value in change.items()}
    post(copied, step, **values)

    answer = window.send(step="review", do="create")

    html = answer.content.decode()
    assert answer.status_code == 409
    assert "in another window" in html
    assert ("the other one" if step == "configuration" else "2d") in html
    assert not Deployment.objects.exists()


def test_a_review_that_was_created_already_makes_no_second_deployment(client: Client) -> None:
    window = signed_in(client)
    up_to_review(window, make.make_configuration())
    window.step("review")
    assert window.send(step="review", do="create").status_code == 302

    answer = window.send(step="review", do="create")

    assert answer.status_code == 409
    assert current_step(answer.content.decode()) == "scenario"
    assert Deployment.objects.count() == 1


def test_a_choice_for_another_template_is_not_taken(client: Client) -> None:
    window = signed_in(client)
    configuration = make.make_configuration()
    make.make_executable("second", scenario="elsewhere")
    post(window, "scenario", scenario="talking")
    post(window, "template", executable="talker")
    window.step("configuration")
    copied = Window(client, CREATE)
    copied.open(CREATE, draft=window.fields["draft"])
    post(copied, "scenario", scenario="elsewhere")

    answer = window.send(step="configuration", do="next", configuration=str(configuration.pk))

    assert answer.status_code == 409
    assert Draft.objects.get().values["configuration"] == ""


def test_a_workspace_chosen_in_another_tab_does_not_change_an_open_wizard(client: Client) -> None:
    mine, other = make.make_group("mine"), make.make_group("other")
    configuration = make.make_configuration(mine)
    window = signed_in(client, workspace=mine)
    up_to_review(window, configuration)
    window.step("review")
    client.post("/workspace/", {"workspace": other.pk})

    assert window.send(step="review", do="create").status_code == 302

    assert Deployment.objects.get().resource_group == mine


def test_rights_are_looked_at_again_when_a_form_is_sent(client: Client) -> None:
    mine, other = make.make_group("mine"), make.make_group("other")
    user = make.make_user(Role.EDITOR, groups=[mine, other], workspace=mine)
    client.force_login(user)
    window = Window(client, CREATE)
    up_to_review(window, make.make_configuration(mine))
    window.step("review")
    user.resource_groups.set([other])

    assert window.send(step="review", do="create").status_code == 404

    assert not Deployment.objects.exists()


def test_a_wizard_that_begins_at_a_configuration_is_about_its_group(client: Client) -> None:
    mine, other = make.make_group("mine"), make.make_group("other")
    window = signed_in(client, workspace=mine)
    configuration = make.make_configuration(other)

    html = window.open(CREATE, configuration=str(configuration.pk))

    assert current_step(html) == "duration"
    assert "This page is about the resource group" in html
    post(window, "duration", kind="standard")
    post(window, "review", do="create")
    assert Deployment.objects.get().resource_group == other


def test_drafts_of_others_are_neither_shown_nor_changed(client: Client) -> None:
    theirs = signed_in(client)
    up_to_review(theirs, make.make_configuration(name="secret plan"))
    key = theirs.fields["draft"]

    window = signed_in(client)
    html = window.open(CREATE, draft=key)

    assert current_step(html) == "scenario"
    post(window, "scenario", scenario="talking")
    assert Draft.objects.filter(key=key).count() == 2
