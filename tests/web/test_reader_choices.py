"""What each reader has for themselves: notifications, language, keyboard shortcuts, the chosen group."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from deployments.lifecycle import Status
from deployments.models import Role, User
from tests import factories as make

pytestmark = pytest.mark.django_db

BELL = "/notifications/"


@pytest.fixture
def reader(client: Client) -> User:
    user = make.make_user(username="ada", notified_at=timezone.now())
    make.make_group()
    client.force_login(user)
    return user


def test_what_became_of_ones_own_deployments_is_counted_and_told(client: Client, reader: User) -> None:
    mine = make.make_deployment(created_by="ada", status=Status.DEAD)
    theirs = make.make_deployment(created_by="bob", status=Status.DEAD)
    make.make_event(mine, "It ended with exit code 1.", reason="StatusChanged", status="DEAD")
    make.make_event(mine, "Starting again.", reason="RestartScheduled")
    make.make_event(theirs, "It failed too.", reason="StatusChanged", status="DEAD")

    html = client.get("/").content.decode()
    told = client.get(BELL).content.decode()

    assert 'aria-label="Notifications: 1 unread"' in html
    assert "It ended with exit code 1." in told
    assert "It failed too." not in told
    assert "Starting again." not in told


def test_notifications_that_were_read_are_not_counted_any_more(client: Client, reader: User) -> None:
    make.make_event(make.make_deployment(created_by="ada"), "Running.", reason="StatusChanged", status="RUNNING")

    answer = client.post(BELL, {"next": "/deployments/"})

    assert answer["Location"] == "/deployments/"
    assert 'aria-label="Notifications"' in client.get("/").content.decode()
    assert "Running." in client.get(BELL).content.decode()


def test_a_group_that_was_taken_away_tells_nothing_any_more(client: Client) -> None:
    client.force_login(make.make_user(username="ada", groups=[make.make_group("mine")]))
    make.make_event(make.make_deployment(created_by="ada"), "Secret news.", reason="StatusChanged", status="RUNNING")

    assert "Secret news." not in client.get(BELL).content.decode()


def test_the_language_is_remembered_for_the_person_and_comes_back_at_sign_in(client: Client, reader: User) -> None:
    client.post("/language/", {"language": "de", "next": "/"})
    assert '<html lang="de"' in client.get("/").content.decode()

    reader.refresh_from_db()
    assert reader.language == "de"
    reader.set_password("a long secret")
    reader.save()
    other = Client()
    other.post("/sign-in/", {"username": "ada", "password": "a long secret"})
    assert '<html lang="de"' in other.get("/").content.decode()


def test_a_language_that_does_not_exist_is_refused(client: Client, reader: User) -> None:
    assert client.post("/language/", {"language": "tlh"}).status_code == 400


def test_shortcuts_can_be_turned_off(client: Client, reader: User) -> None:
    assert "data-keys" in client.get("/").content.decode()

    client.post("/shortcuts/", {"next": "/"})

    assert "data-keys" not in client.get("/").content.decode()


def test_help_tells_keys_and_statuses(client: Client, reader: User) -> None:
    html = client.get("/help/").content.decode()

    assert "<kbd>g d</kbd>" in html
    assert "A real request went through the gateway and was answered." in html


def test_the_chosen_group_is_there_again_after_signing_in_anew(client: Client) -> None:
    one, two = make.make_group("one"), make.make_group("two")
    user = make.make_user(Role.VIEWER, groups=[one, two])
    client.force_login(user)
    client.post("/workspace/", {"workspace": "two"})

    client.logout()
    client.force_login(user)

    assert "<b>two</b>" in client.get("/").content.decode()
