"""Which resource group a page is about: its own, whatever is chosen in another window."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from deployments.lifecycle import Status, TargetStatus
from deployments.models import Artifact, Deployment, Draft, ResourceGroup, Role, User
from tests import factories as make
from tests.forms import hidden_fields
from tests.web.windows import Window

pytestmark = pytest.mark.django_db

SAYS_SO = "This page is about the resource group"


@pytest.fixture
def mine() -> ResourceGroup:
    return make.make_group("mine")


@pytest.fixture
def other() -> ResourceGroup:
    return make.make_group("other")


@pytest.fixture
def user(mine: ResourceGroup, other: ResourceGroup) -> User:
    return make.make_user(groups=[mine, other], workspace=mine)


@pytest.fixture
def editor(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def choose(client: Client, group: ResourceGroup) -> None:
    """Choose a workspace, as in another tab."""
    assert client.post("/workspace/", {"workspace": group.pk}).status_code == 302


def test_a_link_to_a_thing_of_another_group_opens_it_and_says_so(editor: Client, other: ResourceGroup) -> None:
    configuration = make.make_configuration(other)
    deployment, artifact = make.make_deployment(configuration), make.make_artifact(other)
    pages = [
        *(reverse(name, args=[deployment.pk]) for name in ("deployment", "deployment-status", "deployment-scaling")),
        *(reverse(name, args=[deployment.pk]) for name in ("deployment-resources", "deployment-logs")),
        reverse("deployment-events", args=[deployment.pk]),
        reverse("configuration", args=[configuration.pk]),
        reverse("artifact", args=[artifact.pk]),
    ]
    for page in pages:
        html = editor.get(page).content.decode()
        assert SAYS_SO in html, page
        assert "<b>other</b>" in html, page
        assert r"""hx-headers='{"AI-Resource-Group": "other"}'""" in html, page
    assert SAYS_SO not in editor.get("/deployments/").content.decode()


def test_what_one_may_not_see_is_still_not_there(editor: Client, user: User, mine: ResourceGroup) -> None:
    hidden = make.make_group("hidden")
    configuration = make.make_configuration(hidden)
    deployment, artifact = make.make_deployment(configuration), make.make_artifact(hidden)
    paths = [
        reverse("deployment", args=[deployment.pk]),
        reverse("configuration", args=[configuration.pk]),
        reverse("artifact", args=[artifact.pk]),
        "/deployments/?resource_group=hidden",
    ]
    for path in paths:
        assert editor.get(path).status_code == 404, path
    assert editor.post(reverse("deployment-stop", args=[deployment.pk])).status_code == 404
    assert editor.get("/deployments/", headers={"AI-Resource-Group": "hidden"}).status_code == 404
    assert editor.get("/deployments/create/", {"configuration": str(configuration.pk)}, follow=True).status_code == 200
    assert not Draft.objects.filter(resource_group=hidden).exists()


def test_switching_to_the_group_of_the_page_stays_on_it(editor: Client, other: ResourceGroup) -> None:
    deployment = make.make_deployment(make.make_configuration(other))
    page = reverse("deployment-status", args=[deployment.pk])

    answer = editor.post("/workspace/", {"workspace": "other", "next": page})

    assert answer["Location"] == page
    assert SAYS_SO not in editor.get(page).content.decode()
    assert editor.post("/workspace/", {"workspace": "mine", "next": page})["Location"] == "/deployments/"


def test_switching_while_a_wizard_is_open_begins_it_anew(editor: Client) -> None:
    answer = editor.post("/workspace/", {"workspace": "other", "next": "/deployments/create/?draft=abc&step=review"})

    assert answer["Location"] == "/deployments/create/"


def test_a_list_stops_what_it_has_shown_whatever_is_chosen_elsewhere(
    editor: Client, mine: ResourceGroup, other: ResourceGroup
) -> None:
    deployment = make.make_deployment(make.make_configuration(mine), status=Status.RUNNING)
    fields = hidden_fields(editor.get("/deployments/").content.decode())
    choose(editor, other)

    asked = editor.post("/deployments/bulk/", fields | {"do": "stop", "id": deployment.pk})
    editor.post("/deployments/bulk/", hidden_fields(asked.content.decode()) | {"id": deployment.pk})

    deployment.refresh_from_db()
    assert deployment.target_status == TargetStatus.STOPPED


def test_a_poll_of_a_list_never_brings_rows_of_another_group(
    editor: Client, mine: ResourceGroup, other: ResourceGroup
) -> None:
    shown = make.make_deployment(make.make_configuration(mine, name="shown"))
    make.make_deployment(make.make_configuration(other, name="elsewhere"))
    lists = editor.get("/deployments/").content.decode()
    found = re.search(r'id="rows" hx-get="([^"]+)"', lists)
    assert found
    state = re.search(r'hx-get="(/overview/state/[^"]+)"', editor.get("/").content.decode())
    assert state
    choose(editor, other)
    Deployment.objects.filter(pk=shown.pk).update(status="RUNNING")

    for poll in (found, state):
        html = editor.get(poll[1].replace("&amp;", "&").replace("v=", "v=x")).content.decode()
        assert shown.pk in html, poll[1]
        assert "elsewhere" not in html, poll[1]


def test_filters_of_an_open_list_stay_in_its_group(editor: Client, mine: ResourceGroup, other: ResourceGroup) -> None:
    for group in (mine, other):
        make.make_configuration(group, name=f"of {group.pk}")
    choose(editor, other)
    headers = {"HX-Request": "true", "AI-Resource-Group": "mine"}

    html = editor.get("/configurations/", {"q": "of"}, headers=headers).content.decode()

    assert "of mine" in html
    assert "of other" not in html


def test_a_download_is_of_the_list_that_shows_its_link(
    editor: Client, mine: ResourceGroup, other: ResourceGroup
) -> None:
    make.make_deployment(make.make_configuration(mine, name="shown"))
    found = re.search(r'href="(/deployments/download/[^"]+)"', editor.get("/deployments/").content.decode())
    assert found
    choose(editor, other)

    assert b"shown" in b"".join(editor.get(found[1].replace("&amp;", "&")))


def test_an_artifact_lands_in_the_group_whose_form_was_filled_in(
    editor: Client, user: User, mine: ResourceGroup, other: ResourceGroup
) -> None:
    make.make_executable()
    window = Window(editor, "/artifacts/create/")
    window.open()
    choose(editor, other)
    values = {"name": "New", "kind": "model", "scenario": "talking", "source": "url", "url": "https://x.example/m"}

    assert window.send(**values).status_code == 302
    assert Artifact.objects.get().resource_group == mine

    user.resource_groups.set([other])
    assert window.send(**values).status_code == 404, "the right to the group was taken away meanwhile"
    assert Artifact.objects.count() == 1


def test_a_viewer_of_a_group_cannot_act_in_it_by_naming_it(client: Client, mine: ResourceGroup) -> None:
    client.force_login(make.make_user(Role.VIEWER))

    answer = client.post("/deployments/bulk/", {"do": "stop", "id": "d1", "resource_group": "mine"})

    assert answer.status_code == 403
