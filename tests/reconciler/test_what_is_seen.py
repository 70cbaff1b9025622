"""What is seen of real servers, from their answers and their sockets, on the way to a deployment's message."""

from __future__ import annotations

import pytest

from deployments import reasons
from deployments.lifecycle import Status
from deployments.messages import render
from deployments.models import Deployment, Generation
from deployments.queries.deployment_logs import LogFilter, text_of
from tests.factories import local_runtime
from tests.reconciler.world import World

SERVER = """
import http.server, os, sys
host, status, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together
    def do_GET(self):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(b"x" * size)
http.server.ThreadingHTTPServer((host, int(os.environ["PORT"])), Handler).serve_forever()
"""


def command(host: str = "127.0.0.1", *, status: int = 200, size: int = 10) -> tuple[str, ...]:
    return ("python3", "-u", "-c", SERVER, host, str(status), str(size))


@pytest.mark.parametrize(("status", "size"), [(200, 1000), (204, 0)])
def test_nothing_of_ours_leaves_an_error_in_the_log_of_a_server(world: World, status: int, size: int) -> None:
    server = command(status=status, size=size)
    deployment = world.until_status(world.deploy(world.configure_command("talkative", *server)), Status.RUNNING)

    def asked() -> str:
        return "".join(text_of(local_runtime(), deployment.pk, LogFilter()))

    world.until(
        lambda: asked().count("GET / HTTP/1.1") >= 6,
        "it was requested by health probe, readiness check and gateway several times",
    )
    assert not [line for line in asked().splitlines() if "Error" in line or "Exception" in line]
    assert Generation.objects.get(deployment=deployment).readiness_answer == reasons.PROBE_SUCCEEDED(
        request="GET /", status=status
    )


def test_a_health_answer_that_is_larger_than_any_buffer_is_healthy(world: World) -> None:
    large = world.configure_command("large", *command(size=500_000))

    world.until_status(world.deploy(large), Status.RUNNING)


def test_a_health_path_that_refuses_is_told_in_the_message(world: World) -> None:
    deployment = world.deploy(world.configure_command("refusing", *command(status=401)))

    world.until(lambda: "answered" in _message(deployment.pk), "its answer is told", timeout=10)

    assert _message(deployment.pk) == "Waiting for the server to become healthy: GET / answered 401"


def test_a_server_that_everybody_can_reach_runs_with_a_warning(world: World) -> None:
    everywhere = "0.0.0.0"
    deployment = world.deploy(world.configure_command("open", *command(everywhere)))

    world.until_status(deployment, Status.RUNNING)
    world.until(lambda: "open to everybody" in _message(deployment.pk), "the warning is told")

    deployment.refresh_from_db()
    assert deployment.status_severity == "warning"
    assert render(deployment.message).startswith(
        "Running, but open to everybody on the network past the token check: "
    )


def _message(pk: str) -> str:
    return render(Deployment.objects.get(pk=pk).message)
