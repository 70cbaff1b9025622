"""The wizard that makes a configuration, used the way a browser without scripts does."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from deployments.models import Artifact, Configuration, Draft, Executable, ResourceGroup, Role, Scenario
from tests import factories as make

pytestmark = pytest.mark.django_db

WIZARD = "/configurations/create/"


@pytest.fixture
def group() -> ResourceGroup:
    return make.make_group()


@pytest.fixture
def editor(client: Client, group: ResourceGroup) -> Client:
    make.make_executable()
    client.force_login(make.make_user())
    return client


@pytest.fixture
def model(group: ResourceGroup) -> Artifact:
    return make.make_artifact(group, name="Churn model")


def enter(client: Client, step: str, **values: Any) -> Any:
    return client.post(f"{WIZARD}?step={step}", values)


def name_it(client: Client, **values: Any) -> None:
    assert (
        enter(client, "name", name="Weather talk", executable="talker", **values)["Location"]
        == f"{WIZARD}?step=parameters"
    )


def give_values(client: Client, **values: Any) -> Any:
    given = {"parameters.greeting": "hello", "parameters.threads": "4", "parameters.topic": "weather", **values}
    return enter(client, "parameters", **given)


def error_at(html: str, field: str) -> str:
    found = re.search(rf'id="id_{re.escape(field)}_error">.*?<span>(.*?)</span>', html, re.DOTALL)
    return found[1] if found else ""


def value_of(html: str, field: str) -> str:
    found = re.search(rf'<input[^>]*name="{re.escape(field)}"[^>]*value="([^"]*)"', html)
    return found[1] if found else ""


def test_four_steps_make_a_configuration(editor: Client, group: ResourceGroup, model: Artifact) -> None:
    name_it(editor)
    assert give_values(editor)["Location"] == f"{WIZARD}?step=inputs"
    assert enter(editor, "inputs", **{"artifacts.model": str(model.pk)})["Location"] == f"{WIZARD}?step=review"
    review = editor.get(f"{WIZARD}?step=review").content.decode()
    for word in ("Weather talk", "Template talker", "weather", "Churn model"):
        assert word in review

    answer = enter(editor, "review", go="create")

    configuration = Configuration.objects.get()
    assert answer["Location"] == f"/configurations/{configuration.pk}/"
    assert configuration.name == "Weather talk"
    assert configuration.resource_group == group
    assert configuration.parameters == {"greeting": "hello", "threads": "4", "topic": "weather"}
    assert configuration.inputs == {"model": str(model.pk)}
    assert not Draft.objects.exists()


def test_the_template_is_chosen_already_when_the_wizard_is_opened_from_it(editor: Client) -> None:
    answer = editor.get(WIZARD, {"executable": "talker"}, follow=True)

    html = answer.content.decode()
    assert answer.redirect_chain[-1][0] == f"{WIZARD}?step=name"
    assert "For the template Template talker" in html
    assert 'name="executable"' not in html
    assert enter(editor, "name", name="x")["Location"] == f"{WIZARD}?step=parameters"


def test_defaults_are_filled_in_and_described(editor: Client) -> None:
    name_it(editor)

    html = editor.get(f"{WIZARD}?step=parameters").content.decode()

    assert value_of(html, "parameters.greeting") == "hello"
    assert value_of(html, "parameters.threads") == "2"
    assert "What it says." in html
    assert "value needed" in html[html.index('id="p-topic"') :]


def test_a_value_can_be_reset_to_its_default_and_the_others_stay(editor: Client) -> None:
    name_it(editor)

    answer = give_values(editor, **{"parameters.greeting": "good day", "reset": "greeting"})

    html = editor.get(answer["Location"]).content.decode()
    assert value_of(html, "parameters.greeting") == "hello"
    assert value_of(html, "parameters.threads") == "4"
    assert value_of(html, "parameters.topic") == "weather"


def test_wrong_values_are_told_at_their_fields_and_nothing_entered_is_lost(editor: Client) -> None:
    name_it(editor)

    answer = give_values(editor, **{"parameters.threads": "many", "parameters.topic": "", "parameters.greeting": "hi"})

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "must be a whole number" in error_at(html, "parameters.threads")
    assert "is missing" in error_at(html, "parameters.topic")
    assert not error_at(html, "parameters.greeting")
    assert value_of(html, "parameters.threads") == "many"
    assert value_of(html, "parameters.greeting") == "hi"
    assert 'href="#id_parameters.threads"' in html  # the list of what to mend at the head


def test_a_value_that_is_too_long_is_told_at_its_field(editor: Client) -> None:
    name_it(editor)

    html = give_values(editor, **{"parameters.topic": "x" * 5001}).content.decode()

    assert "5,001 characters" in error_at(html, "parameters.topic")


@pytest.mark.parametrize(("name", "problem"), [("", "Give the configuration a name."), ("x" * 257, "at most 256")])
def test_a_name_that_cannot_be_is_told_at_its_field(editor: Client, name: str, problem: str) -> None:
    answer = enter(editor, "name", name=name, executable="talker")

    assert answer.status_code == 422
    assert problem in error_at(answer.content.decode(), "name")


def test_without_a_template_it_does_not_go_on(editor: Client) -> None:
    answer = enter(editor, "name", name="x", executable="nothing")

    assert answer.status_code == 422
    assert error_at(answer.content.decode(), "executable")
    assert editor.get(f"{WIZARD}?step=review")["Location"] == f"{WIZARD}?step=name"


def test_artifacts_are_offered_by_kind_and_those_of_the_scenario_first(editor: Client, model: Artifact) -> None:
    make.make_artifact(name="Elsewhere", scenario=make.make_scenario("silence"))
    make.make_artifact(name="A data set", kind="dataset")
    make.make_artifact(make.make_group("other"), name="Of others")
    name_it(editor)
    give_values(editor)

    html = editor.get(f"{WIZARD}?step=inputs").content.decode()

    assert re.findall(r'<option value="[^"]+">([^·<]+) ·', html) == ["Churn model", "Elsewhere"]


def test_an_input_without_an_artifact_is_told_at_its_field(editor: Client, model: Artifact) -> None:
    name_it(editor)
    give_values(editor)

    answer = enter(editor, "inputs", **{"artifacts.model": ""})

    assert answer.status_code == 422
    assert "Choose an artifact" in error_at(answer.content.decode(), "artifacts.model")


def test_an_artifact_can_be_added_on_the_way_and_comes_back_chosen(editor: Client) -> None:
    name_it(editor)
    give_values(editor)

    page = enter(editor, "inputs", go="add:model")["Location"]
    assert page.startswith("/artifacts/create/?")
    assert "selected" in editor.get(page).content.decode()
    values = {"name": "New one", "kind": "model", "scenario": "talking", "source": "url", "url": "https://x.example/m"}
    back = editor.post(page, values)["Location"]

    assert back == f"{WIZARD}?step=inputs"
    added = Artifact.objects.get(name="New one")
    assert f'<option value="{added.pk}" selected>' in editor.get(back).content.decode()
    assert value_of(editor.get(f"{WIZARD}?step=name").content.decode(), "name") == "Weather talk"


def test_a_draft_outlives_a_reload_and_going_back(editor: Client) -> None:
    name_it(editor)

    assert give_values(editor, go="back")["Location"] == f"{WIZARD}?step=name"

    assert value_of(editor.get(f"{WIZARD}?step=name").content.decode(), "name") == "Weather talk"
    assert value_of(editor.get(f"{WIZARD}?step=parameters").content.decode(), "parameters.topic") == "weather"


def test_cancelling_forgets_what_was_entered(editor: Client) -> None:
    name_it(editor)

    assert enter(editor, "parameters", go="cancel")["Location"] == "/configurations/"
    assert value_of(editor.get(WIZARD).content.decode(), "name") == ""


def test_inside_the_wizard_for_deployments_it_goes_back_there_with_the_new_one(
    editor: Client, model: Artifact
) -> None:
    editor.get(WIZARD, {"scenario": "talking", "executable": "talker", "return": "deployment"})
    enter(editor, "name", name="Weather talk")
    give_values(editor)
    enter(editor, "inputs", **{"artifacts.model": str(model.pk)})

    answer = enter(editor, "review", go="create")

    assert answer["Location"] == f"/deployments/create/?configuration={Configuration.objects.get().pk}"


def test_inside_the_wizard_for_deployments_cancelling_goes_back_there(editor: Client) -> None:
    editor.get(WIZARD, {"executable": "talker", "return": "deployment"})

    assert enter(editor, "name", go="cancel")["Location"] == "/deployments/create/"


def test_a_copy_begins_with_the_values_of_the_other(editor: Client, model: Artifact) -> None:
    values = {"greeting": "good day", "threads": "8", "topic": "sports"}
    configuration = make.make_configuration(name="First", parameters=values, inputs={"model": str(model.pk)})

    editor.get(WIZARD, {"from": str(configuration.pk)})

    assert value_of(editor.get(WIZARD).content.decode(), "name") == "First"
    html = editor.get(f"{WIZARD}?step=parameters").content.decode()
    assert value_of(html, "parameters.greeting") == "good day"
    assert f'<option value="{model.pk}" selected>' in editor.get(f"{WIZARD}?step=inputs").content.decode()


def test_a_configuration_of_another_group_cannot_be_copied(editor: Client) -> None:
    other = make.make_configuration(make.make_group("other"))

    assert editor.get(WIZARD, {"from": str(other.pk)}).status_code == 404
    assert editor.get(WIZARD, {"from": "nonsense"}).status_code == 404
    assert editor.get(WIZARD, {"executable": "nothing"}).status_code == 404


def test_steps_that_a_template_does_not_need_are_left_out(editor: Client) -> None:
    text = make.TEMPLATE.format(executable="plain", scenario="talking")
    text = re.sub(r"  inputs:.*?  template:", "  template:", text, flags=re.DOTALL)
    text = re.sub(r"            (args|env):.*", "", text, flags=re.DOTALL)
    text = "\n".join(line for line in text.splitlines() if "artifacts.ai" not in line and "- name: TOPIC" not in line)
    make.make_executable("plain", text=text)

    assert enter(editor, "name", name="Plain", executable="plain")["Location"] == f"{WIZARD}?step=review"
    enter(editor, "review", go="create")

    assert Configuration.objects.get().parameters == {}


def test_what_the_operation_refuses_is_told_on_the_review(editor: Client, model: Artifact) -> None:
    name_it(editor)
    give_values(editor)
    enter(editor, "inputs", **{"artifacts.model": str(model.pk)})
    Artifact.objects.all().delete()

    answer = enter(editor, "review", go="create")

    assert answer.status_code == 422
    assert "missing" in answer.content.decode()
    assert not Configuration.objects.exists()


def test_another_template_takes_no_values_along(editor: Client) -> None:
    make.make_executable("another")
    name_it(editor)
    give_values(editor)

    enter(editor, "name", name="Weather talk", executable="another")

    assert value_of(editor.get(f"{WIZARD}?step=parameters").content.decode(), "parameters.topic") == ""


def test_a_template_deleted_on_the_way_leads_back_to_the_choice(editor: Client) -> None:
    name_it(editor)
    Executable.objects.all().delete()

    assert editor.get(f"{WIZARD}?step=parameters")["Location"] == f"{WIZARD}?step=name"
    html = editor.get(f"{WIZARD}?step=name").content.decode()
    assert "No deployment templates yet" in html
    assert Scenario.objects.exists()


def test_a_viewer_cannot_make_one_by_any_way(client: Client) -> None:
    make.make_executable()
    make.make_group()
    client.force_login(make.make_user(Role.VIEWER))

    assert enter(client, "name", name="x", executable="talker").status_code == 403
    assert enter(client, "review", go="create").status_code == 403
    assert not Draft.objects.exists()


def test_a_thousand_parameters_can_be_entered(editor: Client) -> None:
    names = [f"p{number:04}" for number in range(1000)]
    declared = "".join(f'      - name: {name}\n        default: ""\n' for name in names)
    text = make.TEMPLATE.format(executable="large", scenario="talking")
    text = re.sub(
        r"    parameters:.*?    artifacts:", f"    parameters:\n{declared}    artifacts:", text, flags=re.DOTALL
    )
    text = text.replace("{{inputs.parameters.greeting}}", "x").replace("{{inputs.parameters.topic}}", "x")
    make.make_executable("large", text=text)
    enter(editor, "name", name="Large", executable="large")

    answer = enter(editor, "parameters", **{f"parameters.{name}": "x" * 5000 for name in names})

    assert answer["Location"] == f"{WIZARD}?step=inputs"
    assert Draft.objects.get().values["parameters"]["p0999"] == "x" * 5000


def test_a_value_is_checked_when_its_field_is_left_and_nothing_else_is_complained_about(editor: Client) -> None:
    editor.get(WIZARD, {"executable": "talker"})
    sent = {"go": "check", "parameters.greeting": "hi", "parameters.threads": "many", "parameters.topic": ""}
    headers = {"HX-Request": "true", "HX-Trigger-Name": "parameters.threads"}

    answer = editor.post(f"{WIZARD}?step=parameters", sent, headers=headers)

    html = answer.content.decode()
    assert answer.status_code == 200
    assert "must be a whole number" in html
    assert "is missing" not in html, "nobody has been at the topic yet"


def test_a_draft_is_offered_again_with_its_time(editor: Client) -> None:
    assert "goes on with what you entered" not in editor.get(WIZARD).content.decode()
    editor.get(WIZARD, {"executable": "talker"})
    editor.post(f"{WIZARD}?step=name", {"name": "half done", "go": "next"})

    again = editor.get(WIZARD).content.decode()

    assert "goes on with what you entered" in again
    assert "half done" in again
    assert "goes on with what you entered" not in editor.get(f"{WIZARD}?step=parameters").content.decode()
