"""Messages about what is being done: they end when it is done, and can be closed."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from deployments.lifecycle import Status
from deployments.models import Deployment, Generation, Role
from tests import factories as make

pytestmark = pytest.mark.django_db


def running() -> Deployment:
    deployment = make.make_deployment()
    make.make_replica(make.make_generation(deployment))
    return deployment


def stop(client: Client, deployment: Deployment) -> str:
    client.post(reverse("deployment-stop", args=[deployment.pk]))
    return "is being stopped"


def stop_many(client: Client, deployment: Deployment) -> str:
    client.post(reverse("deployment-bulk"), {"do": "stop", "id": [deployment.pk], "confirmed": "1"})
    return "is being stopped"


def delete(client: Client, deployment: Deployment) -> str:
    Deployment.objects.update(status=Status.STOPPED, target_status="STOPPED")
    client.post(reverse("deployment-delete", args=[deployment.pk]))
    return "is being deleted"


def update(client: Client, deployment: Deployment) -> str:
    new = make.make_configuration(executable=deployment.configuration.executable, name="better")
    client.post(reverse("deployment-update", args=[deployment.pk]), {"configuration": new.pk})
    return "Updating to better"


def roll_back(client: Client, deployment: Deployment) -> str:
    Deployment.objects.update(status=Status.DEAD, latest_running_configuration=deployment.configuration)
    client.post(reverse("deployment-roll-back", args=[deployment.pk]))
    return "Rolling back to"


def has_stopped(deployment: Deployment) -> None:
    Deployment.objects.update(status=Status.STOPPED)


def is_gone(deployment: Deployment) -> None:
    Deployment.objects.all().delete()


def is_up(deployment: Deployment) -> None:
    make.make_generation(deployment, 2, outcome="RUNNING")
    Deployment.objects.update(status=Status.RUNNING, observed_generation=2, serving_generation=2)


CASES = [(stop, has_stopped), (stop_many, has_stopped), (delete, is_gone), (update, is_up), (roll_back, is_up)]


@pytest.mark.parametrize(("ask", "end"), CASES, ids=[ask.__name__ for ask, _ in CASES])
def test_a_message_ends_when_what_it_says_is_done(
    client: Client, ask: Callable[[Client, Deployment], str], end: Callable[[Deployment], None]
) -> None:
    deployment = running()
    client.force_login(make.make_user(Role.EDITOR))
    sentence = ask(client, deployment)

    html = client.get(reverse("deployments")).content.decode()

    assert sentence in html
    found = re.search(r'id="notice-1"[^>]*hx-get="([^"]+)"', html)
    assert found is not None
    poll = found[1].replace("&amp;", "&")
    assert client.get(poll).status_code == 204
    end(deployment)
    answer = client.get(poll)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_message_that_is_not_true_any_more_is_not_shown_at_all(client: Client) -> None:
    deployment = running()
    client.force_login(make.make_user(Role.EDITOR))
    stop(client, deployment)
    has_stopped(deployment)

    assert "is being stopped" not in client.get(reverse("deployment", args=[deployment.pk])).content.decode()


def test_an_update_that_another_one_has_replaced_is_not_told_any_more(client: Client) -> None:
    deployment = running()
    client.force_login(make.make_user(Role.EDITOR))
    update(client, deployment)
    Generation.objects.create(deployment=deployment, number=3, configuration=deployment.configuration)
    Deployment.objects.update(generation=3)

    assert "Updating to better." not in client.get(reverse("deployment", args=[deployment.pk])).content.decode()


def test_a_message_can_be_closed_without_scripts_by_loading_the_page_without_it(client: Client) -> None:
    client.force_login(make.make_user(Role.EDITOR))
    stop(client, running())

    html = client.get(f"{reverse('deployments')}?status=RUNNING").content.decode()

    close = re.search(r'<a class="button icon-only ghost" href="([^"]+)" data-dismiss', html)
    assert close is not None
    assert close[1] == f"{reverse('deployments')}?status=RUNNING"
    assert "data-dismiss" not in client.get(close[1]).content.decode()


def test_nobody_learns_of_deployments_of_other_groups_from_messages(client: Client) -> None:
    deployment = make.make_deployment(make.make_configuration(make.make_group("theirs")))
    query = {"action": "delete", "ids": deployment.pk}
    client.force_login(make.make_user(Role.EDITOR, groups=[make.make_group("mine")]))

    assert client.get(reverse("notice"), query).status_code == 200

    client.force_login(make.make_user(Role.EDITOR, username="other"))
    assert client.get(reverse("notice"), query).status_code == 204


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("iris 3", "iris 3 was deleted."),
        ("מודל 3", "\u2068מודל 3\u2069 was deleted."),
        ("ends \u202e here \u2069", "\u2068ends  here \u2069 was deleted."),
    ],
    ids=["left to right", "right to left", "controls"],
)
def test_a_name_turns_no_word_of_a_message_around(client: Client, name: str, shown: str) -> None:
    client.force_login(make.make_user(Role.EDITOR))
    artifact = make.make_artifact(name=name)

    page = client.post(reverse("artifact-delete", args=[artifact.pk]), follow=True).content.decode()

    assert f"<p>{shown}</p>" in page
