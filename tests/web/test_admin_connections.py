"""Connections on the admin site: kinds of the registry, options that the driver judges, secrets that nobody reads."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from deployments.models import Connection, Role
from deployments.storage.secrets import encrypt
from tests import factories as make

pytestmark = pytest.mark.django_db

ADD = "/admin/deployments/connection/add/"


@pytest.fixture
def administrator(client: Client) -> Client:
    make.make_group()
    client.force_login(make.make_user(Role.ADMINISTRATOR))
    return client


def test_the_kinds_to_choose_from_are_those_of_the_registry(administrator: Client) -> None:
    page = administrator.get(ADD).content.decode()

    assert '<option value="local">Local processes</option>' in page
    assert '<option value="containers">' in page
    assert page.count("<option") == 2


def test_a_second_connection_of_this_machine_is_refused_in_words(administrator: Client) -> None:
    answer = administrator.post(ADD, {"name": "second", "kind": "local", "options": "{}"})

    assert "Name the share of each in its options" in answer.content.decode()
    assert Connection.objects.count() == 1


def test_a_kind_that_is_not_offered_is_refused(administrator: Client) -> None:
    answer = administrator.post(ADD, {"name": "second", "kind": "fake", "options": "{}"})

    assert "Select a valid choice" in answer.content.decode()
    assert Connection.objects.count() == 1


def test_options_are_changed_and_the_kind_is_not(administrator: Client) -> None:
    connection = Connection.objects.get()
    change = reverse("admin:deployments_connection_change", args=[connection.pk])

    administrator.post(change, {"name": "local", "kind": "fake", "options": '{"memory_gb": 1}'})
    connection.refresh_from_db()
    assert (connection.kind, connection.options) == ("local", {"memory_gb": 1})

    administrator.post(change, {"name": "local", "options": ""})
    connection.refresh_from_db()
    assert connection.options == {}


def test_a_secret_that_the_driver_has_no_use_for_is_refused(administrator: Client) -> None:
    change = reverse("admin:deployments_connection_change", args=[Connection.objects.get().pk])

    answer = administrator.post(change, {"name": "local", "options": "{}", "new_secrets": '{"token": "t0p-secret"}'})

    assert "has no secret token" in answer.content.decode()
    assert "t0p-secret" not in answer.content.decode()
    assert Connection.objects.get().encrypted == ""


def test_secrets_are_kept_when_none_are_entered_and_are_never_shown(administrator: Client) -> None:
    encrypted = encrypt({"token": "t0p-secret"})
    Connection.objects.update(encrypted=encrypted)
    change = reverse("admin:deployments_connection_change", args=[Connection.objects.get().pk])

    administrator.post(change, {"name": "renamed", "options": "{}", "new_secrets": ""})
    page = administrator.get(change).content.decode()

    assert Connection.objects.get(name="renamed").encrypted == encrypted
    assert "t0p-secret" not in page
    assert encrypted not in page
