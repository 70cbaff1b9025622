"""What is stored of a deployment names no machine: its placeholders are filled in when a server starts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from deployments.errors import RuntimeRejected
from deployments.runtimes.placeholders import filled
from deployments.scheduling.server_specs import from_dict, server_spec_of, to_dict
from deployments.serving_template import stored_readiness_check
from tests import factories as make
from tests.runtimes.machine import PYTHON, Machine


def test_a_port_and_paths_are_filled_in_anywhere_in_a_text() -> None:
    text = "--port={{runtime.port}} --model={{ runtime.artifacts.my-model }}/a {{other}}"

    assert filled(text, port=80, artifacts={"my-model": Path("/data")}) == "--port=80 --model=/data/a {{other}}"


def test_an_artifact_that_is_not_there_is_named() -> None:
    with pytest.raises(RuntimeRejected, match="names the input artifact model"):
        filled("{{runtime.artifacts.model}}", port=80, artifacts={})


@pytest.mark.django_db
def test_what_is_stored_of_a_server_holds_its_placeholders_and_no_path_of_this_machine() -> None:
    stored = json.dumps(to_dict(server_spec_of(make.make_configuration())))

    assert '"command": ["python", "-m", "http.server", "{{runtime.port}}"]' in stored
    assert '"args": ["hello", "{{runtime.artifacts.model}}"]' in stored
    assert str(settings.BASE_DIR) not in stored
    assert str(settings.LAUNCHPAD_HOME) not in stored


@pytest.mark.django_db
def test_what_an_older_version_has_stored_in_one_list_means_the_same() -> None:
    spec = server_spec_of(make.make_configuration())
    older = to_dict(spec) | {"command": list(spec.argv)}
    del older["args"]

    assert from_dict(json.loads(json.dumps(older))).argv == spec.argv


@pytest.mark.django_db
def test_a_readiness_check_and_a_deadline_are_read_by_their_former_names() -> None:
    spec = replace(server_spec_of(make.make_configuration()), deadlines={"VERIFIED": 7})
    former = to_dict(spec) | {"deadlines": {"PROVED": 7}}
    former["proof"] = former.pop("readiness_check")

    assert from_dict(json.loads(json.dumps(former))) == spec
    assert stored_readiness_check(former) == spec.readiness_check


def test_arguments_stand_behind_the_command_and_know_the_port(machine: Machine) -> None:
    script = "import sys; print(sys.argv[1:])"
    spec = machine.spec(PYTHON, "-I", "-S", "-c", script)

    machine.runtime.start(replace(spec, args=("--port={{runtime.port}}", "last")))
    machine.ended()

    assert machine.lines() == [f"['--port={machine.port()}', 'last']"]
