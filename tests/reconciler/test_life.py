"""The life of a deployment: real rows, passes and gateway, and servers in memory that do at once what they do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deployments import operations
from deployments.errors import OperationRefused
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
from tests.reconciler.world import ACTOR, FakeWorld, due

FAILING = ("exit", "3", "ValueError: no such model")
HANGING = ("never",)


@pytest.fixture
def world(fake_world: FakeWorld) -> FakeWorld:
    return fake_world


def test_a_new_deployment_runs_after_a_request_went_the_whole_way(world: FakeWorld) -> None:
    deployment = world.deploy()
    assert deployment.status == Status.UNKNOWN

    world.until_status(deployment, Status.RUNNING)

    assert world.ask(deployment)[0] == 200
    assert deployment.verified_at is not None
    generation = Generation.objects.get(deployment=deployment)
    assert set(generation.steps) == {step.value for step in Step}
    statuses = DeploymentEvent.objects.filter(deployment=deployment).order_by("id").values_list("status", flat=True)
    assert list(dict.fromkeys(statuses)) == ["UNKNOWN", "PENDING", "RUNNING"]


def test_who_was_shut_out_is_refused_by_the_gateway_from_the_next_sweep_on(world: FakeWorld) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    key = issue_service_key(ACTOR, name="batch").key
    person = make.make_user()
    clients = (key.client_id, person.token_client)
    assert [world.ask(deployment, client_id=client)[0] for client in clients] == [200, 200]

    revoke_service_key(ACTOR, key)
    change_user(ACTOR, person, Person(role=Role.EDITOR, is_active=False))
    due()

    assert [world.ask(deployment, client_id=client)[0] for client in clients] == [401, 401]


def test_a_stopped_deployment_leaves_nothing_behind(world: FakeWorld) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)

    operations.stop_deployment(ACTOR, deployment)
    world.until_status(deployment, Status.STOPPED)

    assert world.alive(deployment) == []
    assert world.ask(deployment)[0] == 503
    assert not Replica.objects.filter(is_reserved=True).exists()
    assert deployment.completed_at is not None


def test_a_deployment_that_is_starting_can_be_stopped(world: FakeWorld) -> None:
    deployment = world.deploy(world.configure_command("hanging", *HANGING))
    world.until(lambda: world.alive(deployment), "its server lives")
    deployment.refresh_from_db()

    operations.stop_deployment(ACTOR, deployment)
    world.until_status(deployment, Status.STOPPED)

    assert world.alive(deployment) == []


def test_a_deployment_that_waits_for_capacity_says_why_and_can_be_stopped(world: FakeWorld) -> None:
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


def test_a_server_that_never_starts_ends_as_dead_with_its_reason(world: FakeWorld) -> None:
    deployment = world.deploy(world.configure_command("failing", *FAILING))

    world.until_status(deployment, Status.DEAD)

    assert "exit code 3" in render(deployment.message)
    assert "ValueError: no such model" in render(deployment.message)
    assert Attempt.objects.filter(replica__generation__deployment=deployment).count() == 2
    world.until(lambda: not Replica.objects.filter(is_reserved=True).exists(), "everything is released")


def test_a_program_that_does_not_exist_is_named(world: FakeWorld) -> None:
    deployment = world.deploy(world.configure_command("missing", "no-such-program"))

    world.until_status(deployment, Status.DEAD)

    assert "There is no program no-such-program." in render(deployment.message)
    assert Attempt.objects.filter(replica__generation__deployment=deployment).count() == 1


@pytest.mark.parametrize("code", [64, 65, 78, 126, 127])
def test_an_exit_that_says_that_it_is_for_good_is_believed_at_once(world: FakeWorld, code: int) -> None:
    deployment = world.deploy(world.configure_command("refusing", "exit", str(code)))

    world.until_status(deployment, Status.DEAD)

    assert f"exit code {code}" in render(deployment.message)
    assert Attempt.objects.filter(replica__generation__deployment=deployment).count() == 1


def test_a_server_that_fails_in_another_way_each_time_is_tried_six_times(world: FakeWorld) -> None:
    deployment = world.deploy(world.configure_command("fickle", "exit", "1", "Error: $RANDOM"))

    world.until_status(deployment, Status.DEAD)

    assert Attempt.objects.filter(replica__generation__deployment=deployment).count() == 6


def test_the_step_of_a_failing_start_has_failed_while_it_is_tried_again(world: FakeWorld) -> None:
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


def test_a_look_at_a_settled_deployment_commits_little(world: FakeWorld) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    world.until(lambda: not due(), "it is settled")

    def writes(verified_ago: timedelta) -> list[str]:
        now = timezone.now()
        Generation.objects.update(verified_at=now - verified_ago)
        Deployment.objects.update(next_reconcile_at=now)
        with CaptureQueriesContext(connection) as queries:
            reconcile(deployment.pk)
        return [
            query["sql"].split()[1] for query in queries if query["sql"].startswith(("UPDATE", "INSERT", "DELETE"))
        ]

    assert len(writes(timedelta(minutes=1))) == 2  # the lease is taken and given back
    assert len(writes(timedelta(minutes=6))) == 4  # and the verification is noted, in one transaction


def test_an_update_moves_the_traffic_and_releases_the_old_servers(world: FakeWorld) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    other = world.configure("other")

    operations.update_deployment(ACTOR, deployment, other)
    world.until(lambda: Deployment.objects.get(pk=deployment.pk).serving_generation == 2, "the update serves")
    assert world.status(deployment) == Status.RUNNING
    world.until(lambda: world.alive(deployment) == [f"{deployment.pk}-2-0"], "the old server is gone")

    deployment.refresh_from_db()
    assert deployment.latest_running_configuration == other
    assert world.ask(deployment)[0] == 200


def test_a_failed_update_returns_when_that_was_wanted(world: FakeWorld) -> None:
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


def test_a_failed_update_ends_dead_and_one_wish_rolls_it_back(world: FakeWorld) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)

    operations.update_deployment(ACTOR, deployment, world.configure_command("broken", *FAILING))
    world.until_status(deployment, Status.DEAD)
    assert "The last configuration that was running is hello." in render(deployment.message)
    world.until(lambda: not world.alive(deployment), "everything is released")

    operations.roll_back_deployment(ACTOR, deployment)
    world.until_status(deployment, Status.RUNNING)
    assert deployment.configuration.name == "hello"
    assert render(deployment.message) == "Running."


def test_a_deleted_deployment_is_gone_with_its_logs(world: FakeWorld) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    operations.stop_deployment(ACTOR, deployment)
    world.until_status(deployment, Status.STOPPED)

    operations.delete_deployment(ACTOR, deployment)
    world.until(lambda: world.status(deployment) is None, "the row is gone")

    assert list(world.runtime.logs(deployment.pk)) == []
    assert world.ask(deployment)[0] == 404


def test_the_end_of_its_duration_stops_and_deletes_it(world: FakeWorld) -> None:
    deployment = world.until_status(world.deploy(ttl="10m"), Status.RUNNING)

    past = timezone.now() - timedelta(seconds=1)
    Deployment.objects.filter(pk=deployment.pk).update(expires_at=past, next_reconcile_at=past)
    world.until(lambda: world.status(deployment) is None, "it is gone")

    assert world.alive(deployment) == []


def test_a_stop_during_a_pass_is_not_lost(world: FakeWorld) -> None:
    deployment = world.deploy()
    lease = leases.acquire(deployment.pk)
    assert lease is not None
    Deployment.objects.filter(pk=deployment.pk).update(status=Status.PENDING, observed_generation=1)
    deployment.refresh_from_db()

    operations.stop_deployment(ACTOR, deployment)

    assert reconcile(deployment.pk) == []  # its request to reconcile finds the lease in use
    assert leases.release(lease, None) is True  # so the running reconcile reports that another one is due
    world.until_status(deployment, Status.STOPPED)


def test_a_server_that_nobody_wants_is_removed(world: FakeWorld) -> None:
    runtime = world.runtime
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


def test_what_is_not_allowed_now_is_refused(world: FakeWorld) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)

    with pytest.raises(OperationRefused, match="Stop it first"):
        operations.delete_deployment(ACTOR, deployment)
    stale = Deployment.objects.get(pk=deployment.pk)
    operations.stop_deployment(ACTOR, deployment)
    with pytest.raises(OperationRefused, match="changed meanwhile"):
        operations.stop_deployment(ACTOR, stale)
