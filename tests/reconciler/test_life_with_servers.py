"""What becomes of real servers, with their streams and their ends, behind a real gateway."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import urllib3
from django.utils import timezone

from deployments import operations, reasons
from deployments.gateway import sync
from deployments.lifecycle import Status
from deployments.messages import render
from deployments.models import Attempt, Deployment, Generation, Replica
from deployments.reconciler import reconcile
from tests.reconciler.world import ACTOR, World, due
from tests.waiting import wait_until

# Healthy, and done with the stream, once GET /go was asked.
LATE_SERVER = """
import http.server, os, threading
go = threading.Event()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/go":
            go.set()
        self.send_response(200 if go.is_set() or self.path != "/health" else 503)
        self.send_header("Content-Length", "8" if self.path == "/stream" else "0")
        self.end_headers()
        if self.path == "/stream":
            self.wfile.write(b"half")
            go.wait(60)
            self.wfile.write(b"half")
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def let_go() -> None:
    """Tell the LATE_SERVER that runs to be healthy and to finish its stream."""
    replica = Replica.objects.get(is_reserved=True)
    assert urllib3.request("GET", f"http://{replica.host}:{replica.port}/go", timeout=5, retries=False).status == 200


def test_a_stop_lets_a_request_finish_and_says_that_it_waits(world: World) -> None:
    configuration = world.configure_command("streaming", "python3", "-c", LATE_SERVER)
    deployment = world.until_status(world.deploy(configuration), Status.RUNNING)
    with ThreadPoolExecutor(1) as client:
        answer = client.submit(world.ask, deployment, "/stream")
        wait_until(lambda: sync.in_flight(deployment.pk, 1), what="the request is open")

        operations.stop_deployment(ACTOR, deployment)
        said = "Waiting for 1 request to finish (at most 30 s)."
        world.until(lambda: render(Deployment.objects.get(pk=deployment.pk).message) == said, "it says that it waits")
        assert world.ask(deployment)[0] == 503  # nothing new comes in
        let_go()

        assert answer.result(timeout=20) == (200, b"halfhalf")
    world.until_status(deployment, Status.STOPPED)


def test_a_server_that_is_healthy_later_than_a_verification_may_take_runs(world: World) -> None:
    configuration = world.configure_command("late", "python3", "-c", LATE_SERVER, healthPath="/health")
    deployment = world.deploy(configuration)
    world.until(lambda: Replica.objects.filter(phase="LISTENING").exists(), "its port is open")

    for generation in Generation.objects.all():  # as if it had been loading its model for four minutes
        earlier = {name: datetime.fromisoformat(at) - timedelta(minutes=4) for name, at in generation.steps.items()}
        generation.steps = {name: at.isoformat() for name, at in earlier.items()}
        generation.began_at -= timedelta(minutes=4)
        generation.save()
    for spec in world.specs(deployment):
        spec.write_text(json.dumps({**json.loads(spec.read_text()), "at": time.time() - 240}))
    world.passes()
    assert world.status(deployment) == Status.PENDING
    let_go()

    world.until_status(deployment, Status.RUNNING)

    assert world.ask(deployment)[0] == 200


def test_a_killed_server_is_started_again(world: World) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    first = world.server_pid(f"{deployment.pk}-1-0")

    os.kill(first, signal.SIGKILL)
    world.until(
        lambda: Attempt.objects.filter(replica__generation__deployment=deployment).count() == 2, "a new attempt"
    )
    world.until_status(deployment, Status.RUNNING)

    assert world.server_pid(f"{deployment.pk}-1-0") != first
    assert world.ask(deployment)[0] == 200
    ended = Attempt.objects.get(replica__generation__deployment=deployment, number=1)
    assert (ended.exit_reason, ended.exit_signal) == ("SIGNALED", 9)
    assert "signal 9 (SIGKILL)" in render(ended.message)


HANGS_WHEN_TOLD = """
import http.server, os, threading
hangs = threading.Event()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if hangs.is_set():
            threading.Event().wait()
        if self.path == "/go":
            hangs.set()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def test_a_server_that_hangs_is_not_called_running_for_long(world: World) -> None:
    deployment = world.until_status(
        world.deploy(world.configure_command("hanging", "python3", "-c", HANGS_WHEN_TOLD)), Status.RUNNING
    )
    world.until(lambda: not due(), "it is settled")
    Deployment.objects.update(next_reconcile_at=timezone.now() + timedelta(minutes=30))

    let_go()

    # The gateway's checks take two times three seconds, with two seconds between them.
    wait_until(lambda: due() == [deployment.pk], timeout=12, what="the sweep knows of it")
    world.until_status(deployment, Status.PENDING, timeout=5)
    assert deployment.message == reasons.SERVERS_SILENT(limit_seconds=60)


def open_stream_across_update(
    world: World, client: ThreadPoolExecutor
) -> tuple[Deployment, Future[tuple[int, bytes]]]:
    """Leave a request open at a server that an update has taken the traffic from, 31 s ago."""
    configuration = world.configure_command("streaming", "python3", "-c", LATE_SERVER)
    deployment = world.until_status(world.deploy(configuration), Status.RUNNING)
    answer = client.submit(world.ask, deployment, "/stream", timeout=60)
    wait_until(lambda: sync.in_flight(deployment.pk, 1), what="the request is open")
    operations.update_deployment(ACTOR, deployment, world.configure("other"))
    old = Generation.objects.filter(deployment=deployment, number=1)
    world.until(lambda: old.get().draining_since, "the update serves and the old server drains")
    old.update(draining_since=timezone.now() - timedelta(seconds=31))
    return deployment, answer


def test_an_update_lets_a_stream_finish_for_as_long_as_the_template_says(world: World) -> None:
    world.executable = world.custom_server("launchpad/drain-seconds: 600")
    with ThreadPoolExecutor(1) as client:
        deployment, answer = open_stream_across_update(world, client)
        replica = Replica.objects.get(generation__number=1)
        for _ in range(3):  # one to find the limit, one to stop the server, one to release it
            Deployment.objects.update(next_reconcile_at=timezone.now())
            reconcile(deployment.pk)
        assert Replica.objects.filter(pk=replica.pk, is_reserved=True).exists()
        assert urllib3.request("GET", f"http://{replica.host}:{replica.port}/go", timeout=5).status == 200
        assert answer.result(timeout=20) == (200, b"halfhalf")
    world.until(lambda: world.alive(deployment) == [f"{deployment.pk}-2-0"], "the old server is gone")


def test_an_update_ends_a_stream_that_lasts_longer_than_the_template_says(world: World) -> None:
    """Without a word in the template after 30 s."""
    with ThreadPoolExecutor(1) as client:
        deployment, answer = open_stream_across_update(world, client)
        world.until(lambda: world.alive(deployment) == [f"{deployment.pk}-2-0"], "the old server is gone")
        with pytest.raises(urllib3.exceptions.HTTPError):
            answer.result(timeout=20)
