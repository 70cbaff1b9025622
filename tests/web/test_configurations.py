"""The list of configurations and the details of one."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from deployments.models import Role
from tests import factories as make

pytestmark = pytest.mark.django_db

LIST = "/configurations/"


@pytest.fixture
def reader(client: Client) -> Client:
    make.make_group()
    client.force_login(make.make_user())
    return client


def names(html: str) -> list[str]:
    return re.findall(r'<a class="main" href="[^"]*">(?:<bdi>)?([^<]*)(?:</bdi>)?</a>', html)


def test_configurations_are_listed_newest_first_with_their_numbers(reader: Client) -> None:
    old = make.make_configuration(name="old")
    make.make_deployment(old)
    make.make_deployment(old)
    make.make_configuration(name="new", parameters={"greeting": "hi"}, inputs={})
    make.make_configuration(make.make_group("other"), name="of others")

    html = reader.get(LIST).content.decode()

    assert names(html) == ["new", "old"]
    rows = [re.findall(r'numeric[^"]*">(\d+)', row) for row in html.split('<tr id="c-')[1:]]
    assert rows == [["1", "0", "0"], ["3", "1", "2"]]  # parameters, input artifacts, deployments


@pytest.mark.parametrize("text", ["CHUR", "urn-2"])
def test_they_are_found_by_a_part_of_the_name_in_any_case(reader: Client, text: str) -> None:
    make.make_configuration(name="Churn-2024")
    make.make_configuration(name="Wine")

    assert names(reader.get(LIST, {"q": text}).content.decode()) == ["Churn-2024"]


def test_they_are_found_by_their_id(reader: Client) -> None:
    found = make.make_configuration(name="found")
    make.make_configuration(name="other")

    assert names(reader.get(LIST, {"q": str(found.pk)}).content.decode()) == ["found"]
    assert "found" in names(reader.get(LIST, {"q": str(found.pk)[:8]}).content.decode())


def test_they_are_filtered_by_scenario_and_template(reader: Client) -> None:
    make.make_configuration(name="first")
    make.make_configuration(executable=make.make_executable("sleeper", scenario="silence"), name="second")

    assert names(reader.get(LIST, {"scenario": "silence"}).content.decode()) == ["second"]
    assert names(reader.get(LIST, {"executable": "talker"}).content.decode()) == ["first"]
    html = reader.get(LIST, {"scenario": "silence", "executable": "talker"}).content.decode()
    assert "Nothing found" in html
    assert '<option value="silence" selected>' in html


def test_an_empty_list_says_what_to_do(reader: Client) -> None:
    html = reader.get(LIST).content.decode()

    assert "No configurations yet" in html
    assert 'href="/configurations/create/"' in html


def test_the_details_show_every_value_and_what_it_is(reader: Client) -> None:
    artifact = make.make_artifact(name="Churn model")
    values = {"greeting": "hello", "threads": "8", "topic": "<weather>"}
    configuration = make.make_configuration(parameters=values, inputs={"model": str(artifact.pk)})

    html = reader.get(f"{LIST}{configuration.pk}/").content.decode()

    assert f'data-copy="{configuration.pk}"' in html
    rows = {name: html[html.index(f'id="v-{name}"') :].split("</tr>")[0] for name in values}
    assert "default" in rows["greeting"]
    assert "default" not in rows["threads"]
    assert ">&lt;weather&gt;</code>" in rows["topic"]
    assert "What it says." in rows["greeting"]
    assert f'href="/artifacts/{artifact.pk}/"' in html
    assert f'href="/deployments/create/?configuration={configuration.pk}"' in html


def test_the_details_say_when_an_artifact_was_deleted(reader: Client) -> None:
    configuration = make.make_configuration(inputs={"model": "7d1e5a6c-58a8-4a4e-9ad6-000000000000"})

    assert "deleted" in reader.get(f"{LIST}{configuration.pk}/").content.decode()


def test_many_parameters_can_be_searched(reader: Client) -> None:
    values = {f"name-{number:02}": f"value {number}" for number in range(30)}
    configuration = make.make_configuration(parameters=values)

    html = reader.get(f"{LIST}{configuration.pk}/", {"q": "NAME-07"}).content.decode()

    assert re.findall(r'id="v-([^"]*)"', html) == ["name-07"]
    assert "Parameters (30)" in html


def test_the_deployments_made_from_it_have_a_tab(reader: Client) -> None:
    configuration = make.make_configuration()
    deployment = make.make_deployment(configuration)
    other = make.make_deployment()

    html = reader.get(f"{LIST}{configuration.pk}/", {"tab": "deployments"}).content.decode()

    assert names(html) == [deployment.pk]
    assert other.pk not in html


def test_a_viewer_sees_the_details_without_buttons(client: Client) -> None:
    configuration = make.make_configuration()
    client.force_login(make.make_user(Role.VIEWER))

    html = client.get(f"{LIST}{configuration.pk}/").content.decode()

    assert configuration.name in html
    assert "create/" not in html


@pytest.mark.parametrize("pk", ["7d1e5a6c-58a8-4a4e-9ad6-000000000000", "nonsense"])
def test_what_does_not_exist_is_404(reader: Client, pk: str) -> None:
    assert reader.get(f"{LIST}{pk}/").status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_rows(reader: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            reader.get(LIST)
        return len(queries)

    make.make_deployment()
    few = count()
    for number in range(12):
        make.make_deployment(make.make_configuration(executable=make.make_executable(f"more-{number}")))

    assert count() == few
