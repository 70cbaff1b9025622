"""An input artifact whose checksum is not the expected one never reaches a server, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from deployments import operations
from deployments.lifecycle import ExitReason, Status
from deployments.models import Artifact, Attempt, Deployment
from tests import factories as make
from tests.reader import read_api, read_page
from tests.reconciler.world import ACTOR, World
from tests.runtimes.file_server import FileServer, running_file_server

MODEL = b"the weights of a model"
# Serves the file that it is given.
SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = open(sys.argv[1], "rb").read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
TEMPLATE = f"""\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: shows-its-model
  annotations:
    scenarios.ai.sap.com/name: Talking
    executables.ai.sap.com/name: Shows its model
    artifacts.ai.sap.com/model.kind: model
  labels:
    scenarios.ai.sap.com/id: talking
    ai.sap.com/version: 1.0.0
spec:
  inputs:
    artifacts:
      - name: model
  template:
    metadata:
      labels: |
        ai.sap.com/resourcePlan: nano
    spec:
      predictor:
        containers:
          - name: server
            command: [python3, -c, {json.dumps(SERVER)}, "{{{{inputs.artifacts.model}}}}"]
"""


@pytest.fixture
def server() -> Iterator[FileServer]:
    with running_file_server() as running:
        running.content = MODEL
        yield running


@pytest.fixture
def world(world: World) -> World:
    world.executable = operations.import_templates(ACTOR, TEMPLATE)[0].executable
    return world


def deploy(world: World, artifact: Artifact) -> Deployment:
    configuration = operations.create_configuration(
        ACTOR, world.group, world.executable, name="c", parameters={}, inputs={"model": str(artifact.pk)}
    )
    return world.deploy(configuration)


def downloads() -> list[Path]:
    """Return all files that lie where downloads are kept, but for the locks."""
    cache = Path(settings.LAUNCHPAD_HOME) / "cache"
    files = [path for folder in ("artifacts", "checks") for path in (cache / folder).rglob("*") if path.is_file()]
    return [path for path in files if path.suffix != ".lock"]


def remote(world: World, server: FileServer, sha256: str) -> Artifact:
    return make.make_artifact(world.group, url=server.url("/model.bin"), sha256=sha256)


def test_a_download_with_another_checksum_is_not_served_and_nothing_of_it_is_kept(
    world: World, server: FileServer
) -> None:
    expected, before = hashlib.sha256(MODEL).hexdigest(), downloads()
    server.content = b"something else"
    deployment = deploy(world, remote(world, server, expected))

    world.until_status(deployment, Status.DEAD)

    cause = f"has the checksum {hashlib.sha256(b'something else').hexdigest()[:12]}…, not {expected[:12]}… as expected"
    page = read_page(deployment)
    assert "Its input artifact model cannot be fetched" in page
    assert cause in page
    assert "Correct what the message names" in page
    assert cause in read_page(deployment, "logs")
    assert cause in read_api(deployment)["statusMessage"]
    ends = Attempt.objects.filter(replica__generation__deployment=deployment).values_list("exit_reason", flat=True)
    assert set(ends) == {ExitReason.NOT_STARTED}, "no server was ever given it"
    assert downloads() == before


def test_once_the_right_file_is_there_the_same_deployment_serves_it(world: World, server: FileServer) -> None:
    server.content = b"half of it"
    deployment = deploy(world, remote(world, server, hashlib.sha256(MODEL).hexdigest()))
    world.until_status(deployment, Status.DEAD)

    server.content = MODEL
    operations.update_deployment(ACTOR, deployment, deployment.configuration)
    world.until_status(deployment, Status.RUNNING)

    assert world.ask(deployment) == (200, MODEL)
    assert any(path.read_bytes() == MODEL for path in downloads())


def test_an_upload_that_was_changed_on_the_disk_is_not_served(world: World) -> None:
    artifact = operations.upload_artifact(
        ACTOR,
        world.group,
        world.executable.scenario,
        name="m",
        kind="model",
        upload=SimpleUploadedFile("model.bin", MODEL),
    )
    serving = world.until_status(deploy(world, artifact), Status.RUNNING)
    assert world.ask(serving) == (200, MODEL)
    file = Path(artifact.url.removeprefix("file://"))
    file.chmod(0o644)
    file.write_bytes(b"changed by somebody")
    before = downloads()

    deployment = deploy(world, artifact)
    world.until_status(deployment, Status.DEAD)

    words = "was changed since it was uploaded: its checksum is"
    assert words in read_page(deployment)
    assert words in read_api(deployment)["statusMessage"]
    assert downloads() == before
