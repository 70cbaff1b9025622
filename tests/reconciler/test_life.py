"""The life of a deployment with real servers behind a real gateway."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import urllib3
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deployments import operations
from deployments.errors import OperationRefused
from deployments.gateway import sync
from deployments.lifecycle import Status, Step
from deployments.messages import TEXT, render
from deployments.models import Attempt, Deployment, DeploymentEvent, Generation, Replica, ResourcePlan, Role
from deployments.operations.service_keys import issue_service_key, revoke_service_key
from deployments.operations.users import Person, change_user
from deployments.queries.deployment_progress import progress_of
from deployments.reconciler import lease as leases
from deployments.reconciler import reconcile
from deployments.runtimes.base import ReplicaSpec, Resources
from tests import factories as make
from tests.factories import local_runtime
from tests.reconciler.world import ACTOR, World, due
from tests.waiting import wait_until

FAILING = ("python3", "-c", "import sys; print('ValueError: no such model', file=sys.stderr); sys.exit(3)")
HANGING = ("sleep", "600")
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


def test_a_new_deployment_runs_after_a_request_went_the_whole_way(world: World) -> None:
    deployment = world.deploy()
    assert deployment.status == Status.UNKNOWN

    world.until_status(deployment, Status.RUNNING)

    assert world.ask(deployment)[0] == 200
    assert deployment.verified_at is not None
    generation = Generation.objects.get(deployment=deployment)
    assert set(generation.steps) == {step.value for step in Step}
    statuses = DeploymentEvent.objects.filter(deployment=deployment).order_by("id").values_list("status", flat=True)
    assert list(dict.fromkeys(statuses)) == ["UNKNOWN", "PENDING", "RUNNING"]


def test_who_was_shut_out_is_refused_by_the_gateway_from_the_next_sweep_on(world: World) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    key = issue_service_key(ACTOR, name="batch").key
    person = make.make_user()
    clients = (key.client_id, person.token_client)
    assert [world.ask(deployment, client_id=client)[0] for client in clients] == [200, 200]

    revoke_service_key(ACTOR, key)
    change_user(ACTOR, person, Person(role=Role.EDITOR, is_active=False))
    due()

    assert [world.ask(deployment, client_id=client)[0] for client in clients] == [401, 401]


def test_a_stopped_deployment_leaves_nothing_behind(world: World) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)

    operations.stop_deployment(ACTOR, deployment)
    world.until_status(deployment, Status.STOPPED)

    assert world.alive(deployment) == []
    assert world.ask(deployment)[0] == 503
    assert not Replica.objects.filter(is_reserved=True).exists()
    assert deployment.completed_at is not None


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


def test_a_deployment_that_is_starting_can_be_stopped(world: World) -> None:
    deployment = world.deploy(world.configure_command("hanging", *HANGING))
    world.until(lambda: world.alive(deployment), "its server lives")
    deployment.refresh_from_db()

    operations.stop_deployment(ACTOR, deployment)
    world.until_status(deployment, Status.STOPPED)

    assert world.alive(deployment) == []


def test_a_deployment_that_waits_for_capacity_says_why_and_can_be_stopped(world: World) -> None:
    configuration = world.configure("huge", resourcePlan="huge")
    ResourcePlan.objects.filter(pk="huge").update(memory_bytes=900_000_000)
    deployment = world.deploy(configuration)
    ResourcePlan.objects.filter(pk="huge").update(memory_bytes=900_000_000_000)  # made larger before it was placed
    world.until(lambda: Generation.objects.filter(deployment=deployment, waiting__isnull=False).exists(), "it waits")
    world.passes()
    deployment.refresh_from_db()

    assert deployment.status == Status.PENDING
    assert "it needs 900 GB of memory" in render(deployment.message)
    assert "choose a smaller plan" in render(deployment.message)

    operations.stop_deployment(ACTOR, deployment)
    world.until_status(deployment, Status.STOPPED)


def test_a_server_that_never_starts_ends_as_dead_with_its_reason(world: World) -> None:
    deployment = world.deploy(world.configure_command("failing", *FAILING))

    world.until_status(deployment, Status.DEAD)

    assert "exit code 3" in render(deployment.message)
    assert "ValueError: no such model" in render(deployment.message)
    assert Attempt.objects.filter(replica__generation__deployment=deployment).count() == 2
    world.until(lambda: not Replica.objects.filter(is_reserved=True).exists(), "everything is released")


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


def test_a_program_that_does_not_exist_is_named(world: World) -> None:
    deployment = world.deploy(world.configure_command("missing", "no-such-program"))

    world.until_status(deployment, Status.DEAD)

    assert "There is no program no-such-program." in render(deployment.message)
    assert Attempt.objects.filter(replica__generation__deployment=deployment).count() == 1


@pytest.mark.parametrize("code", [64, 65, 78, 126, 127])
def test_an_exit_that_says_that_it_is_for_good_is_believed_at_once(world: World, code: int) -> None:
    deployment = world.deploy(world.configure_command("refusing", "python3", "-c", f"raise SystemExit({code})"))

    world.until_status(deployment, Status.DEAD)

    assert f"exit code {code}" in render(deployment.message)
    assert Attempt.objects.filter(replica__generation__deployment=deployment).count() == 1


def test_a_server_that_fails_in_another_way_each_time_is_tried_six_times(world: World) -> None:
    script = "import random, sys; sys.exit('Error: ' + ''.join(random.choices('ghijklmnop', k=20)))"
    deployment = world.deploy(world.configure_command("fickle", "python3", "-c", script))

    world.until_status(deployment, Status.DEAD)

    assert Attempt.objects.filter(replica__generation__deployment=deployment).count() == 6


def test_the_step_of_a_failing_start_has_failed_while_it_is_tried_again(world: World) -> None:
    deployment = world.deploy(world.configure_command("failing", *FAILING))
    world.until(lambda: Replica.objects.filter(restarts=1).exists(), "it is tried again")

    step = progress_of(Generation.objects.get(), now=timezone.now(), message=TEXT(text="why")).current

    assert step is not None
    assert step.setback is not None
    assert (step.step, step.state, step.setback.number) == (Step.STARTED, "failed", 2)
    assert "exit code 3" in render(step.message)
    deployment.refresh_from_db()
    assert deployment.status_severity == "error"
    assert "ValueError: no such model" in render(deployment.message)


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


def test_a_look_at_a_settled_deployment_commits_little(world: World) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    world.until(lambda: not due(), "it is settled")

    def writes(proved_ago: timedelta) -> list[str]:
        now = timezone.now()
        Generation.objects.update(verified_at=now - proved_ago)
        Deployment.objects.update(next_reconcile_at=now)
        with CaptureQueriesContext(connection) as queries:
            reconcile(deployment.pk)
        return [
            query["sql"].split()[1] for query in queries if query["sql"].startswith(("UPDATE", "INSERT", "DELETE"))
        ]

    assert len(writes(timedelta(minutes=1))) == 2  # the lease is taken and given back
    assert len(writes(timedelta(minutes=6))) == 4  # and the verification is noted, in one transaction


def test_a_server_that_hangs_is_not_called_running_for_long(world: World) -> None:
    deployment = world.until_status(
        world.deploy(world.configure_command("hanging", "python3", "-c", HANGS_WHEN_TOLD)), Status.RUNNING
    )
    world.until(lambda: not due(), "it is settled")
    Deployment.objects.update(next_reconcile_at=timezone.now() + timedelta(minutes=30))

    let_go()

    # The gateway's checks take two times two seconds, with two seconds between them.
    wait_until(lambda: due() == [deployment.pk], timeout=12, what="the sweep knows of it")
    world.until_status(deployment, Status.PENDING, timeout=5)
    assert render(deployment.message).startswith("No server answers; starting again.")


def test_an_update_moves_the_traffic_and_releases_the_old_servers(world: World) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    other = world.configure("other")

    operations.update_deployment(ACTOR, deployment, other)
    world.until(lambda: Deployment.objects.get(pk=deployment.pk).serving_generation == 2, "the update serves")
    assert world.status(deployment) == Status.RUNNING
    world.until(lambda: world.alive(deployment) == [f"{deployment.pk}-2-0"], "the old server is gone")

    deployment.refresh_from_db()
    assert deployment.latest_running_configuration == other
    assert world.ask(deployment)[0] == 200


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


def test_a_failed_update_returns_when_that_was_wanted(world: World) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    running = deployment.configuration

    operations.update_deployment(
        ACTOR, deployment, world.configure_command("broken", *FAILING), rollback_on_failure=True
    )
    world.until(lambda: Deployment.objects.get(pk=deployment.pk).failed_generation == 2, "the update has failed")
    world.passes()
    deployment.refresh_from_db()

    assert deployment.status == Status.RUNNING
    assert deployment.configuration == running
    assert render(deployment.message).startswith("Update to broken failed: ")
    assert render(deployment.message).endswith("Returned to hello.")
    assert world.ask(deployment)[0] == 200


def test_a_failed_update_ends_dead_and_one_wish_rolls_it_back(world: World) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)

    operations.update_deployment(ACTOR, deployment, world.configure_command("broken", *FAILING))
    world.until_status(deployment, Status.DEAD)
    assert "The last configuration that was running is hello." in render(deployment.message)
    world.until(lambda: not world.alive(deployment), "everything is released")

    operations.roll_back_deployment(ACTOR, deployment)
    world.until_status(deployment, Status.RUNNING)
    assert deployment.configuration.name == "hello"
    assert render(deployment.message) == "Running."


def test_a_deleted_deployment_is_gone_with_its_logs(world: World) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    operations.stop_deployment(ACTOR, deployment)
    world.until_status(deployment, Status.STOPPED)

    operations.delete_deployment(ACTOR, deployment)
    world.until(lambda: world.status(deployment) is None, "the row is gone")

    assert list(local_runtime().logs(deployment.pk)) == []
    assert world.ask(deployment)[0] == 404


def test_the_end_of_its_duration_stops_and_deletes_it(world: World) -> None:
    deployment = world.until_status(world.deploy(ttl="10m"), Status.RUNNING)

    past = timezone.now() - timedelta(seconds=1)
    Deployment.objects.filter(pk=deployment.pk).update(expires_at=past, next_reconcile_at=past)
    world.until(lambda: world.status(deployment) is None, "it is gone")

    assert world.alive(deployment) == []


def test_a_stop_during_a_pass_is_not_lost(world: World) -> None:
    deployment = world.deploy()
    lease = leases.take(deployment.pk)
    assert lease is not None
    Deployment.objects.filter(pk=deployment.pk).update(status=Status.PENDING, observed_generation=1)
    deployment.refresh_from_db()

    operations.stop_deployment(ACTOR, deployment)

    assert reconcile(deployment.pk) == []  # its kick finds the lease taken
    assert leases.give_back(lease, None) is True  # so the pass at work says that another one is due
    world.until_status(deployment, Status.STOPPED)


def test_a_server_that_nobody_wants_is_removed(world: World) -> None:
    runtime = local_runtime()
    name = "d0123456789abcde-1-0"
    runtime.start(
        ReplicaSpec(
            name=name,
            attempt=1,
            command=HANGING,
            resources=Resources(cpu_millis=100, memory_bytes=128_000_000),
            health_path="/",
        )
    )

    world.until(lambda: name not in {one.name for one in runtime.list_all()}, "the orphan is gone")


def test_what_is_not_allowed_now_is_refused(world: World) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)

    with pytest.raises(OperationRefused, match="Stop it first"):
        operations.delete_deployment(ACTOR, deployment)
    stale = Deployment.objects.get(pk=deployment.pk)
    operations.stop_deployment(ACTOR, deployment)
    with pytest.raises(OperationRefused, match="changed meanwhile"):
        operations.stop_deployment(ACTOR, stale)
