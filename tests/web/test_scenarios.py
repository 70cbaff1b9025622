"""Scenarios and deployment templates with what a resource group has made of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deployments.lifecycle import Status
from deployments.models import Deployment, Executable, Role, Scenario
from tests import factories as make
from tests.web.html import squeezed

pytestmark = pytest.mark.django_db

TEMPLATE = "/scenarios/talking/templates/talker/"


@pytest.fixture
def reader(client: Client) -> Client:
    make.make_group()
    client.force_login(make.make_user())
    return client


def names(html: str) -> list[str]:
    return re.findall(r'<a class="main" href="[^"]*">(?:<bdi>)?([^<]*)(?:</bdi>)?</a>', squeezed(html))


def test_scenarios_are_listed_by_name_with_what_is_made_of_them(reader: Client) -> None:
    make.make_scenario("zebra", name="A first")
    make.make_deployment()
    make.make_configuration(make.make_group("other"))

    html = reader.get("/scenarios/").content.decode()

    assert names(html) == ["A first", "Scenario talking"]
    row = html[html.index("Scenario talking") :].split("</tr>")[0]
    assert re.findall(r'numeric[^"]*">(\d+)', row) == ["1", "1", "1"]  # one template, configuration, deployment


@pytest.mark.parametrize("text", ["TALK", "nario tal"])
def test_scenarios_are_found_by_a_part_of_name_or_id_in_any_case(reader: Client, text: str) -> None:
    make.make_scenario("talking")
    make.make_scenario("silence", name="Silence")

    assert names(reader.get("/scenarios/", {"q": text}).content.decode()) == ["Scenario talking"]


def test_a_search_without_result_offers_the_whole_list(reader: Client) -> None:
    make.make_scenario()

    html = reader.get("/scenarios/", {"q": "nothing like it"}).content.decode()

    assert "Nothing found" in html
    assert 'href="/scenarios/"' in html


def test_many_scenarios_are_paged_and_the_search_stays_in_the_address(reader: Client) -> None:
    Scenario.objects.bulk_create(Scenario(id=f"many-{n:03}", name=f"Many {n:03}") for n in range(30))

    html = reader.get("/scenarios/", {"q": "many", "page": "2"}).content.decode()

    assert names(html) == [f"Many {n:03}" for n in range(25, 30)]
    assert "26–30 of 30" in html
    assert 'href="?q=many&amp;page=1"' in html
    assert reader.get("/scenarios/", {"page": "nonsense"}).status_code == 200


def test_a_scenario_has_tabs_for_its_templates_configurations_and_deployments(reader: Client) -> None:
    deployment = make.make_deployment(status=Status.RUNNING)
    other = make.make_deployment(make.make_configuration(make.make_group("other")))

    templates = reader.get("/scenarios/talking/").content.decode()
    configurations = reader.get("/scenarios/talking/", {"tab": "configurations"}).content.decode()
    deployments = reader.get("/scenarios/talking/", {"tab": "deployments"}).content.decode()

    assert names(templates) == ["Template talker"]
    assert "/deployments/create/?scenario=talking&amp;executable=talker" in templates
    assert names(configurations) == [deployment.configuration.name]
    assert names(deployments) == [deployment.pk]
    assert other.pk not in deployments


def test_a_template_shows_its_details(reader: Client) -> None:
    make.make_executable()

    html = reader.get(TEMPLATE).content.decode()

    for fact in ("Template talker", "What talker serves.", "talker", "1.2.0", "Scenario talking", "Yes"):
        assert fact in html
    rows = {
        name: html[html.index(f'class="keep"><bdi>{name}</bdi></th>') :].split("</tr>")[0]
        for name in ("greeting", "topic")
    }
    assert ">hello</code>" in rows["greeting"]
    assert "What it says." in rows["greeting"]
    assert "value needed" in rows["topic"]
    assert "The model that is served." in html
    assert "kind: ServingTemplate" in html
    assert 'href="/deployments/create/?scenario=talking&amp;executable=talker"' in html


def test_a_template_shows_the_defaults_of_its_parameters_where_they_decide(reader: Client) -> None:
    text = make.TEMPLATE.format(executable="talker", scenario="talking").replace(
        "minReplicas: 1", "minReplicas: {{inputs.parameters.threads}}"
    )
    make.make_executable(text=text)

    html = reader.get(TEMPLATE).content.decode()

    assert '2<span class="sub">parameter threads</span>' in html


def test_a_template_of_a_container_shows_its_resources_and_that_an_open_port_is_enough(reader: Client) -> None:
    text = make.TEMPLATE.format(executable="talker", scenario="talking")
    text = text.replace("        ai.sap.com/resourcePlan: tiny\n", "        other: label\n")
    resources = "resources: {limits: {memory: 2Gi, cpu: '{{inputs.parameters.threads}}'}}"
    text = text.replace("- name: server", f"- image: example/talker\n            {resources}")
    make.make_executable(text=text)

    html = reader.get(TEMPLATE).content.decode()

    assert "the smallest that has memory 2Gi, cpu 2" in html
    assert "none, an open port is enough" in html


def test_a_template_has_tabs_for_its_configurations_and_deployments(reader: Client) -> None:
    deployment = make.make_deployment()
    make.make_configuration(executable=make.make_executable("another"))

    html = reader.get(TEMPLATE).content.decode()
    configurations = reader.get(TEMPLATE, {"tab": "configurations"}).content.decode()
    deployments = reader.get(TEMPLATE, {"tab": "deployments"}).content.decode()

    assert 'Available Configurations<span class="n">1</span>' in squeezed(html)
    assert 'Previous Deployments<span class="n">1</span>' in squeezed(html)
    assert names(configurations) == [deployment.configuration.name]
    assert names(deployments) == [deployment.pk]


def test_an_empty_tab_says_what_to_do(reader: Client) -> None:
    make.make_executable()

    configurations = reader.get(TEMPLATE, {"tab": "configurations"}).content.decode()
    deployments = reader.get(TEMPLATE, {"tab": "deployments"}).content.decode()

    assert 'href="/configurations/create/?executable=talker"' in configurations
    assert "No deployments yet" in deployments


def test_a_template_without_a_command_says_so_in_a_sentence(reader: Client) -> None:
    text = make.TEMPLATE.format(executable="talker", scenario="talking")
    text = re.sub(r"command: .*", "image: registry.example.com/talker:1", text)
    make.make_executable(text=text)

    assert "gives a container image but no command" in reader.get(TEMPLATE).content.decode()


def test_a_template_that_cannot_be_read_any_more_still_has_a_page(reader: Client) -> None:
    make.make_executable()
    Executable.objects.update(text="kind: SomethingElse")

    html = reader.get(TEMPLATE).content.decode()

    assert "can no longer be read" in html
    assert "kind: SomethingElse" in html


@pytest.mark.parametrize(
    "page", ["/scenarios/nothing/", "/scenarios/talking/templates/nothing/", "/scenarios/silence/templates/talker/"]
)
def test_what_does_not_exist_is_404(reader: Client, page: str) -> None:
    make.make_executable()
    make.make_scenario("silence")

    assert reader.get(page).status_code == 404


@pytest.mark.parametrize(
    "page",
    ["/scenarios/", "/scenarios/talking/", "/scenarios/talking/?tab=configurations", f"{TEMPLATE}?tab=deployments"],
)
def test_the_number_of_queries_does_not_grow_with_the_rows(reader: Client, page: str) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            reader.get(page)
        return len(queries)

    make.make_deployment()
    few = count()
    for number in range(8):
        make.make_deployment(make.make_configuration(executable=make.make_executable(f"more-{number}")))
        make.make_deployment(make.make_configuration())
        make.make_scenario(f"scenario-{number}")

    assert count() == few


@pytest.mark.parametrize("name", ["scenario", "template", "configuration"])
def test_a_list_of_deployments_follows_what_happens_wherever_it_stands(client: Client, name: str) -> None:
    deployment = make.make_deployment()
    configuration = deployment.configuration
    places: dict[str, list[Any]] = {
        "scenario": [configuration.scenario_id],
        "template": [configuration.scenario_id, configuration.executable_id],
        "configuration": [configuration.pk],
    }
    client.force_login(make.make_user(Role.VIEWER))
    html = client.get(reverse(name, args=places[name]), {"tab": "deployments"}).content.decode()
    found = re.search(r'id="list" hx-get="([^"]+)"', html)
    assert found is not None
    poll = found[1].replace("&amp;", "&")
    assert client.get(poll, headers={"HX-Request": "true"}).status_code == 204

    Deployment.objects.update(status="DEAD")

    changed = client.get(poll, headers={"HX-Request": "true"}).content.decode()
    assert f"Deployment {deployment.pk} is DEAD" in changed
    assert "&amp;v=" not in changed.partition('id="list"')[2].partition(">")[2], "links carry no version"
