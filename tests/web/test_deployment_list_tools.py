"""Chips, columns, saved views and the download of the list of deployments."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from deployments.lifecycle import Status
from deployments.models import SavedView, User
from tests import factories as make
from tests.web.html import squeezed

pytestmark = pytest.mark.django_db

LIST = "/deployments/"


@pytest.fixture
def reader(client: Client) -> User:
    user = make.make_user()
    make.make_group()
    client.force_login(user)
    return user


def chips_of(client: Client, query: str) -> dict[str, str]:
    """Return text -> address of the chips."""
    html = " ".join(client.get(f"{LIST}?{query}").content.decode().split())
    found = re.findall(r'<a class="chip" href="([^"]+)"> (.*?) <svg', html.replace("<bdi>", "").replace("</bdi>", ""))
    return {text: address.replace("&amp;", "&") for address, text in found}


def table(client: Client, query: str = "") -> list[list[str]]:
    answer = client.get(f"{LIST}download/?{query}")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.reader(io.StringIO(text)))


def test_each_filter_is_a_chip_that_takes_it_back(client: Client, reader: User) -> None:
    deployment = make.make_deployment(status=Status.RUNNING)
    scenario = deployment.configuration.scenario

    chips = chips_of(client, f"status=RUNNING&scenario={scenario.pk}&created=week&page=2")

    assert set(chips) == {"Status: RUNNING", f"Scenario: {scenario.name}", "Created: Last 7 days"}
    assert chips["Status: RUNNING"] == f"/deployments/?scenario={scenario.pk}&created=week"


def test_a_scenario_narrows_the_executables_that_are_offered(client: Client, reader: User) -> None:
    make.make_executable("talker")
    make.make_executable("singer", scenario="singing")

    html = client.get(f"{LIST}?scenario=singing").content.decode()

    assert '<option value="singer"' in html
    assert '<option value="talker"' not in html


def test_the_id_of_a_configuration_is_found(client: Client, reader: User) -> None:
    wanted, other = make.make_deployment(make.make_configuration()), make.make_deployment(make.make_configuration())

    html = client.get(f"{LIST}?q={wanted.configuration.pk}").content.decode()

    assert wanted.pk in html
    assert other.pk not in html
    assert client.get(f"{LIST}?configuration=nonsense").status_code == 200


def test_chosen_columns_stay_for_the_reader_alone(client: Client, reader: User) -> None:
    make.make_deployment(created_by="ada")

    client.post(f"{LIST}columns/", {"column": ["creator", "nonsense"], "next": LIST})
    html = client.get(LIST).content.decode()

    assert "Created By</th>" in html
    assert "<bdi>ada</bdi></td>" in html
    assert "Target Status" not in html.partition("</thead>")[0].partition("<thead>")[2]
    client.force_login(make.make_user())
    assert "Created By</th>" not in client.get(LIST).content.decode()


def test_a_view_keeps_filters_under_a_name(client: Client, reader: User) -> None:
    address = f"{LIST}?status=DEAD&q=wine"

    client.post(f"{LIST}views/", {"name": "Broken wines", "next": address})
    html = squeezed(client.get(address).content.decode())

    assert f'<a href="{address.replace("&", "&amp;")}" aria-current="true"><bdi>Broken wines</bdi>' in html
    view = SavedView.objects.get()
    client.post(f"{LIST}views/", {"name": "Broken wines", "next": LIST})
    assert SavedView.objects.get().query == "", "the same name replaces it"
    client.post(f"{LIST}views/{view.pk}/delete/", {"next": LIST})
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("name", ["", "  ", "x" * 65])
def test_a_view_without_a_usable_name_is_refused_with_a_sentence(client: Client, reader: User, name: str) -> None:
    answer = client.post(f"{LIST}views/", {"name": name, "next": LIST}, follow=True)

    assert "Give the view a name of at most 64 characters." in answer.content.decode()
    assert not SavedView.objects.exists()


def test_nobody_deletes_the_view_of_somebody_else(client: Client, reader: User) -> None:
    view = SavedView.objects.create(user=make.make_user(), name="theirs", query="status=DEAD")

    client.post(f"{LIST}views/{view.pk}/delete/")

    assert SavedView.objects.filter(pk=view.pk).exists()
    assert "theirs" not in client.get(LIST).content.decode()


def test_the_download_holds_what_the_list_shows(client: Client, reader: User) -> None:
    shown = make.make_deployment(make.make_configuration(name="=cmd()"), status=Status.DEAD, **make.said("Why, so"))
    make.make_deployment(status=Status.RUNNING)

    heading, row = table(client, "status=DEAD&page=9")

    assert heading[:4] == ["ID", "Configuration", "Current Status", "Message"]
    assert heading[4:] == ["Scenario / Template", "Target Status", "Created On", "Changed On"]
    assert row[:4] == [shown.pk, "'=cmd()", "DEAD", "Why, so"]


def test_the_download_is_of_ones_own_group_and_needs_one_query_for_all_rows(client: Client, reader: User) -> None:
    mine = make.make_configuration()
    for _ in range(30):
        make.make_deployment(mine)
    make.make_deployment(make.make_configuration(group=make.make_group("other")))

    with CaptureQueriesContext(connection) as queries:
        rows = table(client)

    assert len(rows) == 31
    assert len(queries) < 6
