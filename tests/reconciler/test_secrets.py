"""A real server whose template takes a variable from a secret: it gets the value, and nothing else does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings

from deployments import operations
from deployments.errors import InvalidInput
from deployments.lifecycle import Status
from deployments.messages import render
from deployments.models import Deployment, Secret
from deployments.operations.secrets import create_secret, delete_secret
from tests.reconciler.world import ACTOR, CATALOG, World

VALUE = "s3cret-value-of-a-test"


@pytest.fixture
def deployment(world: World) -> Deployment:
    text = (CATALOG / "custom-server.yaml").read_text().replace("name: custom-server", "name: with-secret")
    text += "            env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: reviews, key: token}}}]\n"
    world.executable = operations.import_templates(ACTOR, text)[0].executable
    with pytest.raises(InvalidInput, match="takes TOKEN from the secret reviews"):
        world.deploy()
    create_secret(ACTOR, world.group, name="reviews", values={"token": VALUE})
    return world.until_status(world.deploy(), Status.RUNNING)


def test_only_the_server_itself_has_the_value(world: World, deployment: Deployment) -> None:
    (name,) = world.alive(deployment)
    server = world.server_pid(name)
    parent = int(Path(f"/proc/{server}/stat").read_text().split()[3])

    assert f"TOKEN={VALUE}".encode() in Path(f"/proc/{server}/environ").read_bytes()
    for file in (f"/proc/{parent}/environ", f"/proc/{parent}/cmdline"):
        assert VALUE.encode() not in Path(file).read_bytes()
    for folder, _, files in os.walk(settings.LAUNCHPAD_HOME):
        for file in files:
            path = Path(folder, file)
            assert not path.is_file() or VALUE.encode() not in path.read_bytes(), path


def test_a_secret_that_is_gone_stops_the_next_start_with_its_reason(world: World, deployment: Deployment) -> None:
    delete_secret(ACTOR, Secret.objects.get())
    (name,) = world.alive(deployment)
    os.kill(world.server_pid(name), 9)

    world.until_status(deployment, Status.DEAD)

    assert "the secret reviews" in render(deployment.message)
