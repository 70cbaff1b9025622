"""Two windows of the wizard for configurations: each is about its own values."""

from __future__ import annotations

import pytest
from django.test import Client

from deployments.models import Artifact, Configuration, Draft
from tests import factories as make
from tests.web.configuration_wizard.entries import WIZARD, enter, give_values, name_it
from tests.web.windows import Window

pytestmark = pytest.mark.django_db


def test_two_windows_make_two_configurations_each_with_its_own_values(editor: Client, model: Artifact) -> None:
    make.make_executable("another")
    first, second = Window(editor, WIZARD), Window(editor, WIZARD)
    for window, template in ((first, "talker"), (second, "another")):
        window.open(WIZARD, executable=template)
    for step in ("name", "parameters", "inputs"):
        for window, word in ((first, "one"), (second, "two")):
            values = {"name": word, "parameters.topic": word, "artifacts.model": str(model.pk)}
            values |= {"parameters.greeting": word, "parameters.threads": "2"}
            assert enter(window, step, **values).status_code == 302

    for window in (first, second):
        assert enter(window, "review", go="create").status_code == 302

    made = {(row.name, row.executable_id, row.parameters["topic"]) for row in Configuration.objects.all()}
    assert made == {("one", "talker", "one"), ("two", "another", "two")}


def test_values_of_one_template_never_end_in_another_when_windows_share_a_draft(window: Window) -> None:
    make.make_executable("another")
    name_it(window)
    window.step("parameters")
    other = Window(window.client, WIZARD)
    other.open(WIZARD, draft=window.fields["draft"])
    enter(other, "name", name="Weather talk", executable="another")

    answer = window.send(f"{WIZARD}?step=parameters", **{"parameters.topic": "meant for the talker"})

    assert answer.status_code == 409
    assert "in another window" in answer.content.decode()
    assert "meant for the talker" not in str(Draft.objects.get().values)
    checked = window.send(f"{WIZARD}?step=parameters", go="check", **{"parameters.topic": "meant for the talker"})
    assert checked.status_code == 204
    assert "meant for the talker" not in str(Draft.objects.get().values)


def test_the_review_creates_what_it_has_shown_or_nothing(window: Window, model: Artifact) -> None:
    name_it(window)
    give_values(window)
    enter(window, "inputs", **{"artifacts.model": str(model.pk)})
    window.step("review")
    other = Window(window.client, WIZARD)
    other.open(WIZARD, draft=window.fields["draft"])
    give_values(other, **{"parameters.topic": "sports"})

    answer = window.send(f"{WIZARD}?step=review", go="create")

    html = answer.content.decode()
    assert answer.status_code == 409
    assert "in another window" in html
    assert "sports" in html
    assert not Configuration.objects.exists()
    assert enter(window, "review", go="create").status_code == 302
    assert Configuration.objects.get().parameters["topic"] == "sports"


def test_a_review_that_was_created_in_another_window_makes_no_second_one(window: Window, model: Artifact) -> None:
    name_it(window)
    give_values(window)
    enter(window, "inputs", **{"artifacts.model": str(model.pk)})
    window.step("review")
    assert window.send(f"{WIZARD}?step=review", go="create").status_code == 302

    answer = window.send(f"{WIZARD}?step=review", go="create")

    assert answer.status_code == 409
    assert Configuration.objects.count() == 1


def test_an_artifact_that_was_added_for_another_template_is_not_chosen(window: Window) -> None:
    name_it(window)
    give_values(window)
    page = enter(window, "inputs", go="add:model")["Location"]
    make.make_executable("another")
    enter(window, "name", name="Weather talk", executable="another")
    window.open(page)

    values = {"name": "New one", "kind": "model", "scenario": "talking", "source": "url", "url": "https://x.example/m"}
    assert window.send(page, **values).status_code == 302

    assert Artifact.objects.filter(name="New one").exists()
    assert Draft.objects.get().values["inputs"] == {}


def test_only_the_newest_drafts_are_kept(editor: Client) -> None:
    for _number in range(25):
        editor.get(WIZARD, {"executable": "talker"})

    assert Draft.objects.count() == 20
