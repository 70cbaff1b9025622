"""What names a model server of ours by its file, as templates and stored server specs once did, means its module."""

from __future__ import annotations

import pytest

from deployments.serving_template import parse, render
from deployments.serving_template.modules import names_package, with_modules

OLD = "/home/me/launch pad/deployments/model_servers"  # of a checkout that may be gone


@pytest.mark.parametrize("folder", ["{{runtime.model_servers}}", OLD])
def test_a_file_of_ours_becomes_its_module_and_needs_our_package(folder: str) -> None:
    command, requirements = with_modules(["python", f"{folder}/sklearn_server.py", "--port=1"], ("kserve==0.21.0",))

    assert command == ("python", "-m", "launchpad_model_servers.sklearn_server", "--port=1")
    assert requirements == ("kserve==0.21.0", "launchpad-model-servers")


def test_a_file_of_ours_inside_a_command_for_a_shell_does_too() -> None:
    command, requirements = with_modules(
        ["sh", "-c", "cd /tmp && python3 /a/deployments/model_servers/hello_server.py"], ()
    )

    assert command == ("sh", "-c", "cd /tmp && python3 -m launchpad_model_servers.hello_server")
    assert requirements == ("launchpad-model-servers",)


@pytest.mark.parametrize(
    "command",
    [
        ("python", "-m", "launchpad_model_servers.hello_server"),
        ("python", "/home/me/model_servers/sklearn_server.py"),
        ("python", f"{OLD}/mine.py"),
    ],
)
def test_any_other_command_stays_what_it_is(command: tuple[str, ...]) -> None:
    assert with_modules(command, ("fastapi",)) == (command, ("fastapi",))


@pytest.mark.parametrize(
    ("line", "is_ours"),
    [
        ("launchpad-model-servers", True),
        ("Launchpad_Model.Servers>=0.1", True),
        ("launchpad-model-servers-extra", False),
        ("fastapi", False),
    ],
)
def test_our_package_is_known_however_its_name_is_written(line: str, is_ours: bool) -> None:
    assert names_package(["kserve==0.21.0", line]) is is_ours


TEMPLATE = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: copied-server
  annotations:
    launchpad/requirements: |
      {{inputs.parameters.requirements}}
    launchpad/split-arguments: command
  labels: {scenarios.ai.sap.com/id: copied, ai.sap.com/version: 1.0.0}
spec:
  inputs:
    parameters:
      - {name: command, type: string, default: "python3 {{runtime.model_servers}}/hello_server.py"}
      - {name: requirements, type: string, default: ""}
  template:
    spec:
      predictor:
        containers:
          - command: ["{{inputs.parameters.command}}", --fast]
"""


def test_a_template_and_a_configuration_of_an_older_version_still_give_a_command_that_runs() -> None:
    server_spec = render(parse(TEMPLATE)[0], parameters={}, artifacts={})

    assert server_spec.argv == ("python3", "-m", "launchpad_model_servers.hello_server", "--fast")
    assert server_spec.requirements == ("launchpad-model-servers",)
