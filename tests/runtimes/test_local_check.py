"""What a template asks for that the local runtime cannot give, or gives differently."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from django.utils import translation

from deployments import operations
from deployments.errors import InvalidInput
from deployments.messages import Message, render
from deployments.models import Actor, Connection, Role
from deployments.runtimes.local import messages
from deployments.runtimes.local.check import check, warnings
from deployments.runtimes.messages import NOTHING_TO_RUN
from deployments.scheduling.compatibility import problem_on, warnings_of
from deployments.serving_template.schema import ServerTemplate
from tests import factories as make


def test_an_image_without_a_command_cannot_be_run() -> None:
    assert check("plain", ServerTemplate(command=("serve",))) is None
    image_alone = check("plain", ServerTemplate(image="a:1", args=("-v",)))
    assert image_alone == Message(messages.IMAGE_NOT_RUN, {"name": "plain"})
    assert check("plain", ServerTemplate()) == Message(NOTHING_TO_RUN, {"name": "plain"})
    assert render(image_alone).startswith("“plain” gives a container image but no command")


def test_a_command_beside_an_image_is_said_to_run_without_the_image() -> None:
    (warning,) = warnings("plain", ServerTemplate(image="a:1", command=("serve",)))

    assert "runs it without the image" in render(warning)


def test_parts_that_only_containers_have_are_warned_of() -> None:
    (warning,) = warnings("plain", ServerTemplate(command=("serve",), working_dir="/srv", read_only_root=True))

    assert "has workingDir, readOnlyRootFilesystem, which the local runtime leaves out" in render(warning)


@pytest.mark.django_db
def test_the_connection_of_the_group_decides_what_can_be_deployed() -> None:
    configuration = make.make_configuration()
    executable = configuration.executable
    executable.text = re.sub(r"command: .*", "image: registry.example.com/talker:1", executable.text)
    executable.save()
    actor = Actor(name="erin", role=Role.EDITOR)
    with pytest.raises(InvalidInput, match="gives a container image but no command"):
        operations.create_deployment(actor, configuration.resource_group, configuration)

    Connection.objects.update(kind="fake")

    group = type(configuration.resource_group).objects.get()
    assert problem_on(group.connection, executable.template) == ""
    assert operations.create_deployment(actor, group, configuration).pk


@pytest.mark.django_db
def test_an_import_is_told_what_the_kinds_of_connections_that_there_are_cannot_do() -> None:
    template = make.make_configuration().executable.template
    without = replace(template, name="plain", server=replace(template.server, command=(), image="plain:1"))

    (said,) = warnings_of(without)
    assert "gives a container image but no command" in said
    Connection.objects.update(kind="fake")
    assert warnings_of(without) == []
    Connection.objects.update(kind="of a newer version")
    assert "no runtime of the kind" in problem_on(Connection.objects.get(), without)


@pytest.mark.django_db
def test_why_a_template_cannot_run_here_is_german() -> None:
    template = make.make_configuration().executable.template
    without = replace(template, name="plain", server=replace(template.server, command=(), image="plain:1"))

    with translation.override("de"):
        said = problem_on(make.make_connection(), without)
    assert said.startswith("„plain“ nennt ein Container-Image, aber keinen Befehl")
