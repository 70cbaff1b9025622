"""Update, stop, delete and roll back: what they ask, what they do, and what they refuse."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deployments.lifecycle import Status, TargetStatus
from deployments.models import Configuration, Deployment, ResourcePlan, Role
from tests import factories as make
from tests.web.html import squeezed

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
ACTIONS = ["deployment-update", "deployment-stop", "deployment-delete", "deployment-roll-back"]


def signed_in(client: Client, role: Role = Role.EDITOR, **values: Any) -> Client:
    client.force_login(make.make_user(role, **values))
    return client


def other_configuration(deployment: Deployment, **values: Any) -> Configuration:
    current = deployment.configuration
    values.setdefault("inputs", current.inputs)
    return make.make_configuration(current.resource_group, current.executable, **values)


@pytest.mark.parametrize("name", ACTIONS)
def test_a_viewer_is_refused(client: Client, name: str) -> None:
    deployment = make.make_deployment()
    signed_in(client, Role.VIEWER)

    assert client.get(reverse(name, args=[deployment.pk])).status_code == 403
    assert client.post(reverse(name, args=[deployment.pk])).status_code == 403
    assert Deployment.objects.get().generation == 1


@pytest.mark.parametrize("name", ACTIONS)
def test_a_deployment_of_a_group_that_may_not_be_seen_is_not_there(client: Client, name: str) -> None:
    hidden = make.make_deployment(make.make_configuration(make.make_group("theirs")))
    signed_in(client, groups=[make.make_group("mine")])

    assert client.get(reverse(name, args=[hidden.pk])).status_code == 404
    assert client.post(reverse(name, args=[hidden.pk])).status_code == 404


@pytest.mark.parametrize("name", ACTIONS)
def test_each_is_a_dialog_with_scripts_and_a_page_without(client: Client, name: str) -> None:
    deployment = make.make_deployment()
    url = reverse(name, args=[deployment.pk])
    signed_in(client)

    dialog = client.get(url, headers=HTMX).content.decode()
    page = client.get(url).content.decode()

    assert "<dialog" in dialog
    assert "<html" not in dialog
    assert "<html" in page
    assert f'action="{url}"' in page
    assert deployment.pk in dialog


# --- stop and delete --------------------------------------------------------------------------------------------


def test_stop_says_what_it_means_and_does_it(client: Client) -> None:
    deployment = make.make_deployment()
    url = reverse("deployment-stop", args=[deployment.pk])

    html = signed_in(client).get(url).content.decode()
    assert "its URL stops answering" in html
    answer = client.post(url)

    assert answer["Location"] == reverse("deployment", args=[deployment.pk])
    assert Deployment.objects.get().target_status == TargetStatus.STOPPED


def test_stop_of_what_cannot_be_stopped_says_why_and_changes_nothing(client: Client) -> None:
    deployment = make.make_deployment(status=Status.DEAD)
    url = reverse("deployment-stop", args=[deployment.pk])
    signed_in(client)

    assert re.search(r'class="button primary danger"\s+disabled', client.get(url).content.decode())
    html = client.post(url, follow=True).content.decode()

    assert "A deployment that is DEAD cannot be stopped." in html
    assert Deployment.objects.get().generation == 1


def test_delete_names_what_goes_and_what_stays(client: Client) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    url = reverse("deployment-delete", args=[deployment.pk])

    html = signed_in(client).get(url).content.decode()
    assert "with its history and its logs. This cannot be undone." in html
    answer = client.post(url)

    assert answer["Location"] == reverse("deployments")
    assert Deployment.objects.get().target_status == TargetStatus.DELETED


def test_delete_of_a_running_one_is_refused(client: Client) -> None:
    deployment = make.make_deployment()

    html = signed_in(client).post(reverse("deployment-delete", args=[deployment.pk]), follow=True).content.decode()

    assert "cannot be deleted. Stop it first." in html
    assert Deployment.objects.get().target_status == TargetStatus.RUNNING


# --- roll back --------------------------------------------------------------------------------------------------


def test_one_click_goes_back_to_the_configuration_that_was_running(client: Client) -> None:
    dead = make.make_deployment(status=Status.DEAD)
    last = other_configuration(dead)
    Deployment.objects.update(latest_running_configuration=last)

    signed_in(client).post(reverse("deployment-roll-back", args=[dead.pk]))

    deployment = Deployment.objects.get()
    assert deployment.configuration == last
    assert deployment.generation == 2


def test_without_one_that_was_running_there_is_nothing_to_go_back_to(client: Client) -> None:
    dead = make.make_deployment(status=Status.DEAD)
    url = reverse("deployment-roll-back", args=[dead.pk])

    html = signed_in(client).post(url, follow=True).content.decode()

    assert "No configuration of this deployment was ever running" in html
    assert Deployment.objects.get().generation == 1


# --- update -----------------------------------------------------------------------------------------------------


def test_the_configuration_in_use_is_marked_and_cannot_be_chosen(client: Client) -> None:
    deployment = make.make_deployment()
    other = other_configuration(deployment)

    html = signed_in(client).get(reverse("deployment-update", args=[deployment.pk])).content.decode()

    in_use = re.search(rf'value="{deployment.configuration_id}"([^>]*)>', html)
    choosable = re.search(rf'value="{other.pk}"([^>]*)>', html)
    assert in_use
    assert " disabled" in in_use[1]
    assert choosable
    assert " disabled" not in choosable[1]
    assert html.count("In use") == 1
    assert re.search(r'name="rollback_on_failure"[^>]*checked', html), "returning by itself is on by default"


def test_only_configurations_of_the_scenario_and_the_group_are_offered(client: Client) -> None:
    deployment = make.make_deployment()
    elsewhere = make.make_configuration(executable=make.make_executable("second", scenario="elsewhere"))
    theirs = make.make_configuration(make.make_group("theirs"))

    html = signed_in(client).get(reverse("deployment-update", args=[deployment.pk])).content.decode()

    assert str(elsewhere.pk) not in html
    assert str(theirs.pk) not in html


def test_the_difference_of_the_two_is_shown_before_anything_happens(client: Client) -> None:
    deployment = make.make_deployment()
    model = make.make_artifact(name="better-model")
    other = other_configuration(
        deployment,
        parameters={"greeting": "hi", "threads": "2", "topic": "weather"},
        inputs={"model": str(model.pk)},
    )
    url = reverse("deployment-update", args=[deployment.pk])

    answer = signed_in(client).get(url, {"configuration": str(other.pk), "part": "chosen"}, headers=HTMX)

    html = squeezed(answer.content.decode())
    rows = dict(re.findall(r'<tr class="(\w+)"><th scope="row"><bdi>(\w+)', html)[::-1])
    assert rows["changed"] == "greeting"
    assert '<del><code dir="auto">hello</code></del>' in html
    assert '<ins><code dir="auto">hi</code></ins>' in html
    assert "better-model" in html
    assert "1 value stays the same" in html or re.search(r"\d+ values stay the same", html)
    assert re.search(r"<tr><th scope=\"row\"><bdi>threads", html)
    assert "Needs 0.25 CPU, 512 MB (1 replica, plan tiny)." in html
    assert Deployment.objects.get().generation == 1


def test_the_difference_is_shown_without_scripts_too(client: Client) -> None:
    deployment = make.make_deployment()
    other = other_configuration(deployment, parameters={"greeting": "hi", "threads": "2", "topic": "weather"})
    url = reverse("deployment-update", args=[deployment.pk])

    page = signed_in(client).get(url).content.decode()
    assert f'href="{url}?configuration={other.pk}"' in page
    html = client.get(url, {"configuration": str(other.pk)}).content.decode()

    assert '<ins><code dir="auto">hi</code></ins>' in html
    assert re.search(rf'value="{other.pk}"\s+checked', html)


def test_search_narrows_the_choices(client: Client) -> None:
    deployment = make.make_deployment()
    wanted = other_configuration(deployment, name="Forest of trees")
    other_configuration(deployment, name="linear")
    url = reverse("deployment-update", args=[deployment.pk])

    html = signed_in(client).get(url, {"q": "FOREST", "part": "choices"}, headers=HTMX).content.decode()

    assert re.findall(r'name="configuration"[^>]*value="([^"]+)"', html) == [str(wanted.pk)]


@pytest.mark.parametrize("returns", [True, False])
def test_update_takes_the_choice_and_whether_to_return(client: Client, returns: bool) -> None:
    deployment = make.make_deployment()
    other = other_configuration(deployment)
    data = {"configuration": str(other.pk)} | ({"rollback_on_failure": "1"} if returns else {})

    answer = signed_in(client).post(reverse("deployment-update", args=[deployment.pk]), data)

    assert answer["Location"] == reverse("deployment", args=[deployment.pk])
    changed = Deployment.objects.get()
    assert changed.configuration == other
    assert changed.generation == 2
    assert changed.rollback_on_failure is returns


def test_update_by_htmx_leads_to_the_page(client: Client) -> None:
    deployment = make.make_deployment()
    other = other_configuration(deployment)

    answer = signed_in(client).post(
        reverse("deployment-update", args=[deployment.pk]), {"configuration": str(other.pk)}, headers=HTMX
    )

    assert answer["HX-Redirect"] == reverse("deployment", args=[deployment.pk])


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ("", "Choose a configuration."),
        ("nonsense", "Choose a configuration of the list."),
        ("current", "is in use already. Choose another one."),
        ("elsewhere", "There is no such configuration in this scenario."),
    ],
)
def test_a_wrong_choice_is_refused_in_the_dialog(client: Client, chosen: str, sentence: str) -> None:
    deployment = make.make_deployment()
    elsewhere = make.make_configuration(executable=make.make_executable("second", scenario="elsewhere"))
    ids = {"current": str(deployment.configuration_id), "elsewhere": str(elsewhere.pk)}

    answer = signed_in(client).post(
        reverse("deployment-update", args=[deployment.pk]), {"configuration": ids.get(chosen, chosen)}, headers=HTMX
    )

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert Deployment.objects.get().generation == 1


def test_a_stopped_one_cannot_be_updated(client: Client) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    other = other_configuration(deployment)

    answer = signed_in(client).post(
        reverse("deployment-update", args=[deployment.pk]), {"configuration": str(other.pk)}
    )

    assert answer.status_code == 422
    assert "A stopped deployment cannot be restarted; create it again instead." in answer.content.decode()


def test_an_update_that_can_never_fit_is_refused_in_the_dialog_with_the_numbers(client: Client) -> None:
    deployment = make.make_deployment()
    current = deployment.configuration
    other = make.make_configuration(current.resource_group, current.executable, name="huge")
    ResourcePlan.objects.filter(pk="tiny").update(memory_bytes=900_000_000_000)
    client.force_login(make.make_user(Role.EDITOR))

    answer = client.post(reverse("deployment-update", args=[deployment.pk]), {"configuration": other.pk})

    assert answer.status_code == 422
    assert "It can never run here: it needs 900 GB of memory" in answer.content.decode()
    deployment.refresh_from_db()
    assert deployment.configuration == current
