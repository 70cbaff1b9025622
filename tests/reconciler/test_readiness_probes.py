"""Real servers whose template says in another way than by a path that they are ready, behind a real gateway."""

from __future__ import annotations

from deployments import operations
from deployments.gateway import sync
from deployments.lifecycle import Status
from deployments.messages import render
from deployments.models import Deployment, Generation
from tests.reconciler.world import ACTOR, World

# Every path answers 404, as of a server that has but one for predictions.
TEMPLATE = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata: {name: pathless, labels: {scenarios.ai.sap.com/id: pathless, ai.sap.com/version: 1.0.0}}
spec:
  template:
    metadata: {labels: {ai.sap.com/resourcePlan: nano}}
    spec:
      predictor:
        containers:
          - image: example/pathless
            command: [python3, -c]
            args:
              - |
                import http.server, os
                class Handler(http.server.BaseHTTPRequestHandler):
                    def do_GET(self):
                        self.send_response(STATUS)
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
            readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
            ports: [{containerPort: 8080}]
"""


def deployed(world: World, status: int) -> Deployment:
    text = TEMPLATE.replace("STATUS", str(status))
    world.executable = operations.import_templates(ACTOR, text)[0].executable
    configuration = operations.create_configuration(
        ACTOR, world.group, world.executable, name="pathless", parameters={}, inputs={}
    )
    return world.deploy(configuration)


def test_a_server_without_a_path_that_answers_2xx_runs_when_its_port_is_open(world: World) -> None:
    deployment = world.until_status(deployed(world, 404), Status.RUNNING)

    assert world.ask(deployment, "/anything")[0] == 404
    assert sync.replicas_down() == frozenset()
    assert "answered 404" in render(Generation.objects.get().readiness_answer)


def test_a_server_that_fails_every_request_is_not_taken_for_ready(world: World) -> None:
    deployment = deployed(world, 500)

    def answer() -> str:
        message = Generation.objects.get().readiness_message
        return render(message) if message else ""

    # Before it opens its port the gateway itself answers with 503.
    world.until(lambda: "answered 500" in answer(), "its answer is no success")

    assert Deployment.objects.get(pk=deployment.pk).status == Status.PENDING
