"""A server that uses more memory than its resource plan is ended, and everybody reads that this was the reason."""

from __future__ import annotations

from deployments.lifecycle import ExitReason, Status
from deployments.models import Attempt, Deployment, Replica
from tests.reader import read_api, read_page
from tests.reconciler.test_life_with_servers import let_go
from tests.reconciler.world import World

# Healthy; uses 400 MB, of which 128 MB are its plan's, at once or when GET /go was asked. All pages are written to.
GREEDY = """
import http.server, os, sys
def take():
    global held
    held = bytearray(b"x") * 400_000_000
if sys.argv[1] == "at once":
    take()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if self.path == "/go":
            take()
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
CAUSE = "used more than its 128 MB of memory"


def attempts(deployment: Deployment) -> list[str]:
    """Return how the attempts of a deployment have ended, in their order."""
    rows = Attempt.objects.filter(replica__generation__deployment=deployment, ended_at__isnull=False)
    return list(rows.order_by("number").values_list("exit_reason", flat=True))


def test_one_that_needs_too_much_from_the_start_ends_dead_with_the_limit_and_what_to_do(world: World) -> None:
    deployment = world.deploy(world.configure_command("greedy", "python3", "-c", GREEDY, "at once"))

    world.until_status(deployment, Status.DEAD)

    assert attempts(deployment) == [ExitReason.OUT_OF_MEMORY] * 2, "a third time would end the same"
    page = read_page(deployment)
    assert CAUSE in page
    assert "Choose a configuration with a larger resource plan, or a smaller model." in page
    assert CAUSE in read_page(deployment, "status")
    assert CAUSE in read_page(deployment, "logs")
    assert CAUSE in read_api(deployment)["statusMessage"]
    world.until(lambda: not Replica.objects.filter(is_reserved=True).exists(), "what it held is free again")


def test_one_that_grows_while_it_serves_is_ended_started_again_and_remembered(world: World) -> None:
    deployment = world.deploy(world.configure_command("growing", "python3", "-c", GREEDY, "later"))
    world.until_status(deployment, Status.RUNNING)
    first = world.server_pid(f"{deployment.pk}-1-0")

    let_go()
    world.until(lambda: attempts(deployment), "its end is seen")
    world.until_status(deployment, Status.RUNNING)

    assert attempts(deployment) == [ExitReason.OUT_OF_MEMORY]
    assert world.server_pid(f"{deployment.pk}-1-0") != first
    assert world.ask(deployment)[0] == 200
    assert CAUSE in read_page(deployment, "status")
