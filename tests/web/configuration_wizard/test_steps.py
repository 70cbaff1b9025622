"""The wizard that makes a configuration, used the way a browser without scripts does."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from deployments.models import Artifact, Configuration, Draft, Executable, ResourceGroup, Role, Scenario
from tests import factories as make
from tests.web.configuration_wizard.entries import WIZARD, enter, error_at, give_values, name_it, value_of
from tests.web.windows import Window, where, without_key

pytestmark = pytest.mark.django_db


def test_four_steps_make_a_configuration(window: Window, group: ResourceGroup, model: Artifact) -> None:
    name_it(window)
    assert where(give_values(window)) == f"{WIZARD}?step=inputs"
    assert where(enter(window, "inputs", **{"artifacts.model": str(model.pk)})) == f"{WIZARD}?step=review"
    review = window.step("review")
    for word in ("Weather talk", "Template talker", "weather", "Churn model"):
        assert word in review

    answer = enter(window, "review", go="create")

    configuration = Configuration.objects.get()
    assert answer["Location"] == f"/configurations/{configuration.pk}/"
    assert configuration.name == "Weather talk"
    assert configuration.resource_group == group
    assert configuration.parameters == {"greeting": "hello", "threads": "4", "topic": "weather"}
    assert configuration.inputs == {"model": str(model.pk)}
    assert not Draft.objects.exists()


def test_the_template_is_chosen_already_when_the_wizard_is_opened_from_it(window: Window) -> None:
    html = window.open(WIZARD, executable="talker")

    assert without_key(window.address) == f"{WIZARD}?step=name"
    assert "For the template <bdi>Template talker</bdi>" in html
    assert 'name="executable"' not in html
    assert where(enter(window, "name", name="x")) == f"{WIZARD}?step=parameters"


def test_defaults_are_filled_in_and_described(window: Window) -> None:
    name_it(window)

    html = window.step("parameters")

    assert value_of(html, "parameters.greeting") == "hello"
    assert value_of(html, "parameters.threads") == "2"
    assert "What it says." in html
    assert "value needed" in html[html.index('id="p-topic"') :]


def test_a_value_can_be_reset_to_its_default_and_the_others_stay(window: Window) -> None:
    name_it(window)

    answer = give_values(window, **{"parameters.greeting": "good day", "reset": "greeting"})

    html = window.open(answer["Location"])
    assert value_of(html, "parameters.greeting") == "hello"
    assert value_of(html, "parameters.threads") == "4"
    assert value_of(html, "parameters.topic") == "weather"


def test_wrong_values_are_told_at_their_fields_and_nothing_entered_is_lost(window: Window) -> None:
    name_it(window)

    answer = give_values(window, **{"parameters.threads": "many", "parameters.topic": "", "parameters.greeting": "hi"})

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "must be a whole number" in error_at(html, "parameters.threads")
    assert "is missing" in error_at(html, "parameters.topic")
    assert not error_at(html, "parameters.greeting")
    assert value_of(html, "parameters.threads") == "many"
    assert value_of(html, "parameters.greeting") == "hi"
    assert 'href="#id_parameters.threads"' in html  # the list of what to mend at the head


def test_a_value_that_is_too_long_is_told_at_its_field(window: Window) -> None:
    name_it(window)

    html = give_values(window, **{"parameters.topic": "x" * 5001}).content.decode()

    assert "5,001 characters" in error_at(html, "parameters.topic")


@pytest.mark.parametrize(("name", "problem"), [("", "Give the configuration a name."), ("x" * 257, "at most 256")])
def test_a_name_that_cannot_be_is_told_at_its_field(window: Window, name: str, problem: str) -> None:
    answer = enter(window, "name", name=name, executable="talker")

    assert answer.status_code == 422
    assert problem in error_at(answer.content.decode(), "name")


def test_without_a_template_it_does_not_go_on(window: Window) -> None:
    answer = enter(window, "name", name="x", executable="nothing")

    assert answer.status_code == 422
    assert error_at(answer.content.decode(), "executable")
    window.step("review")
    assert without_key(window.address) == f"{WIZARD}?step=name"


def test_artifacts_are_offered_by_kind_and_those_of_the_scenario_first(window: Window, model: Artifact) -> None:
    make.make_artifact(name="Elsewhere", scenario=make.make_scenario("silence"))
    make.make_artifact(name="A data set", kind="dataset")
    make.make_artifact(make.make_group("other"), name="Of others")
    name_it(window)
    give_values(window)

    html = window.step("inputs")

    assert re.findall(r'<option value="[^"]+">([^·<]+) ·', html) == ["Churn model", "Elsewhere"]


def test_an_input_without_an_artifact_is_told_at_its_field(window: Window, model: Artifact) -> None:
    name_it(window)
    give_values(window)

    answer = enter(window, "inputs", **{"artifacts.model": ""})

    assert answer.status_code == 422
    assert "Choose an artifact" in error_at(answer.content.decode(), "artifacts.model")


def test_an_artifact_can_be_added_on_the_way_and_comes_back_chosen(window: Window) -> None:
    name_it(window)
    give_values(window)

    page = enter(window, "inputs", go="add:model")["Location"]
    assert page.startswith("/artifacts/create/?")
    assert "selected" in window.client.get(page).content.decode()
    values = {"name": "New one", "kind": "model", "scenario": "talking", "source": "url", "url": "https://x.example/m"}
    window.open(page)
    answer = window.send(page, **values)

    assert where(answer) == f"{WIZARD}?step=inputs"
    added = Artifact.objects.get(name="New one")
    assert f'<option value="{added.pk}" selected>' in window.open(answer["Location"])
    assert value_of(window.step("name"), "name") == "Weather talk"


def test_a_draft_outlives_a_reload_and_going_back(window: Window) -> None:
    name_it(window)

    assert where(give_values(window, go="back")) == f"{WIZARD}?step=name"

    assert value_of(window.step("name"), "name") == "Weather talk"
    assert value_of(window.step("parameters"), "parameters.topic") == "weather"


def test_cancelling_forgets_what_was_entered(window: Window) -> None:
    name_it(window)

    assert where(enter(window, "parameters", go="cancel")) == "/configurations/"
    assert value_of(window.client.get(WIZARD).content.decode(), "name") == ""


def test_inside_the_wizard_for_deployments_it_goes_back_there_with_the_new_one(
    window: Window, model: Artifact
) -> None:
    window.open(WIZARD, **{"scenario": "talking", "executable": "talker", "return": "outer"})
    enter(window, "name", name="Weather talk")
    give_values(window)
    enter(window, "inputs", **{"artifacts.model": str(model.pk)})

    answer = enter(window, "review", go="create")

    made = Configuration.objects.get()
    assert answer["Location"] == f"/deployments/create/?draft=outer&configuration={made.pk}"


def test_inside_the_wizard_for_deployments_cancelling_goes_back_there(window: Window) -> None:
    window.open(WIZARD, **{"executable": "talker", "return": "outer"})

    assert enter(window, "name", go="cancel")["Location"] == "/deployments/create/?draft=outer"


def test_a_copy_begins_with_the_values_of_the_other(window: Window, model: Artifact) -> None:
    values = {"greeting": "good day", "threads": "8", "topic": "sports"}
    configuration = make.make_configuration(name="First", parameters=values, inputs={"model": str(model.pk)})

    assert value_of(window.open(WIZARD, **{"from": str(configuration.pk)}), "name") == "First"

    assert value_of(window.step("parameters"), "parameters.greeting") == "good day"
    assert f'<option value="{model.pk}" selected>' in window.step("inputs")


def test_a_configuration_that_one_may_not_see_cannot_be_copied(client: Client, group: ResourceGroup) -> None:
    other = make.make_configuration(make.make_group("other"))
    client.force_login(make.make_user(groups=[group]))

    assert client.get(WIZARD, {"from": str(other.pk)}).status_code == 404
    assert client.get(WIZARD, {"from": "nonsense"}).status_code == 404
    assert client.get(WIZARD, {"executable": "nothing"}).status_code == 404


def test_steps_that_a_template_does_not_need_are_left_out(window: Window) -> None:
    text = make.TEMPLATE.format(executable="plain", scenario="talking")
    text = re.sub(r"  inputs:.*?  template:", "  template:", text, flags=re.DOTALL)
    text = re.sub(r"            (args|env):.*", "", text, flags=re.DOTALL)
    text = "\n".join(line for line in text.splitlines() if "artifacts.ai" not in line and "- name: TOPIC" not in line)
    make.make_executable("plain", text=text)

    assert where(enter(window, "name", name="Plain", executable="plain")) == f"{WIZARD}?step=review"
    enter(window, "review", go="create")

    assert Configuration.objects.get().parameters == {}


def test_what_the_operation_refuses_is_told_on_the_review(window: Window, model: Artifact) -> None:
    name_it(window)
    give_values(window)
    enter(window, "inputs", **{"artifacts.model": str(model.pk)})
    Artifact.objects.all().delete()

    answer = enter(window, "review", go="create")

    assert answer.status_code == 422
    assert "missing" in answer.content.decode()
    assert not Configuration.objects.exists()


def test_another_template_takes_no_values_along(window: Window) -> None:
    make.make_executable("another")
    name_it(window)
    give_values(window)

    enter(window, "name", name="Weather talk", executable="another")

    assert value_of(window.step("parameters"), "parameters.topic") == ""


def test_a_template_deleted_on_the_way_leads_back_to_the_choice(window: Window) -> None:
    name_it(window)
    Executable.objects.all().delete()

    window.step("parameters")
    assert without_key(window.address) == f"{WIZARD}?step=name"
    html = window.step("name")
    assert "No deployment templates yet" in html
    assert Scenario.objects.exists()


def test_a_viewer_cannot_make_one_by_any_way(client: Client) -> None:
    make.make_executable()
    make.make_group()
    client.force_login(make.make_user(Role.VIEWER))

    assert client.get(WIZARD, {"executable": "talker"}).status_code == 403
    for step in ("name", "review"):
        assert client.post(f"{WIZARD}?step={step}", {"name": "x", "executable": "talker"}).status_code == 403
    assert not Draft.objects.exists()


def test_a_thousand_parameters_can_be_entered(window: Window) -> None:
    names = [f"p{number:04}" for number in range(1000)]
    declared = "".join(f'      - name: {name}\n        default: ""\n' for name in names)
    text = make.TEMPLATE.format(executable="large", scenario="talking")
    text = re.sub(
        r"    parameters:.*?    artifacts:", f"    parameters:\n{declared}    artifacts:", text, flags=re.DOTALL
    )
    text = text.replace("{{inputs.parameters.greeting}}", "x").replace("{{inputs.parameters.topic}}", "x")
    make.make_executable("large", text=text)
    enter(window, "name", name="Large", executable="large")

    answer = enter(window, "parameters", **{f"parameters.{name}": "x" * 5000 for name in names})

    assert where(answer) == f"{WIZARD}?step=inputs"
    assert Draft.objects.get().values["parameters"]["p0999"] == "x" * 5000


def test_a_value_is_checked_when_its_field_is_left_and_nothing_else_is_complained_about(window: Window) -> None:
    window.open(WIZARD, executable="talker")
    window.step("parameters")
    sent = {"go": "check", "parameters.greeting": "hi", "parameters.threads": "many", "parameters.topic": ""}
    headers = {"HX-Request": "true", "HX-Trigger-Name": "parameters.threads"}

    answer = window.client.post(f"{WIZARD}?step=parameters", window.fields | sent, headers=headers)

    html = answer.content.decode()
    assert answer.status_code == 200
    assert "must be a whole number" in html
    assert "is missing" not in html, "nobody has been at the topic yet"


def test_what_was_left_unfinished_is_offered_where_the_wizard_begins_anew(window: Window) -> None:
    assert "You left this unfinished" not in window.open()
    window.open(WIZARD, executable="talker")
    assert "You left this unfinished" not in window.open(), "a link that was only followed is nothing to miss"
    window.open(WIZARD, executable="talker")
    enter(window, "name", name="half done")
    key = window.fields["draft"]

    fresh = window.open()

    assert value_of(fresh, "name") == ""
    assert f'href="?draft={key}"' in fresh
    again = window.open(WIZARD, draft=key)
    assert value_of(again, "name") == "half done"
    assert "You left this unfinished" not in again
