"""A replica that is gone without a trace is said to be lost, blamed on nobody, and started again."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from deployments.lifecycle import ExitReason, Status
from deployments.models import Attempt, Deployment, Generation, Replica
from deployments.reconciler.core.replica_plan import RESTART_LIMIT
from tests.reader import read_api, read_page
from tests.reconciler.world import World
from tests.runtimes.machine import is_gone
from tests.waiting import wait_until

WORDS = "the process that watched it is gone"


def kill_shim(world: World, deployment: Deployment) -> None:
    """Kill the process beside a server, which then runs on without anybody who would note its end."""
    server = world.server_pid(f"{deployment.pk}-1-0")
    os.kill(world.shim_pid(f"{deployment.pk}-1-0"), signal.SIGKILL)
    wait_until(lambda: is_gone(server), what="nothing of it is left unwatched")


def ended(deployment: Deployment) -> list[str]:
    rows = Attempt.objects.filter(replica__generation__deployment=deployment, ended_at__isnull=False)
    return list(rows.order_by("number").values_list("exit_reason", flat=True))


def test_a_server_whose_shim_was_killed_is_lost_and_another_one_takes_over(world: World) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)

    kill_shim(world, deployment)
    world.until(lambda: ended(deployment), "its loss is seen")
    world.until_status(deployment, Status.RUNNING)

    assert ended(deployment) == [ExitReason.LOST]
    assert world.alive(deployment) == [f"{deployment.pk}-1-0"], "one server, not two"
    assert world.ask(deployment)[0] == 200
    assert WORDS in read_page(deployment, "status")
    assert read_api(deployment)["status"] == "RUNNING"


def test_one_of_two_replicas_is_lost_without_a_request_that_fails(world: World) -> None:
    deployment = world.until_status(world.deploy(world.configure(minReplicas="2")), Status.RUNNING)
    world.until(lambda: Replica.objects.filter(phase="HEALTHY").count() == 2, "both serve")

    kill_shim(world, deployment)
    answers = [world.ask(deployment)[0] for _ in range(10)]
    world.until(lambda: ended(deployment), "its loss is seen")

    assert set(answers) == {200}
    assert world.status(deployment) == Status.RUNNING
    world.until(lambda: Replica.objects.filter(phase="HEALTHY").count() == 2, "both serve again")
    assert ended(deployment) == [ExitReason.LOST]


def test_a_server_that_is_lost_again_and_again_while_it_starts_is_not_called_broken_at_the_second_time(
    world: World,
) -> None:
    """Two ends that are alike are a server's own fault; the machine may take away one as often as it likes."""
    deployment = world.deploy(world.configure_command("slow", "sleep", "600"))
    for number in range(1, 4):
        world.until(lambda n=number: Replica.objects.get().attempt == n and world.alive(deployment), "it is started")  # type: ignore[misc]
        kill_shim(world, deployment)
        world.until(lambda n=number: len(ended(deployment)) == n, "its loss is seen")  # type: ignore[misc]

    assert world.status(deployment) == Status.PENDING
    page = read_page(deployment)
    assert WORDS in page
    assert "Nothing points to the model itself" in page

    Replica.objects.update(restarts=RESTART_LIMIT)
    world.until(lambda: world.alive(deployment), "it is started once more")
    kill_shim(world, deployment)
    world.until_status(deployment, Status.DEAD)
    page = read_page(deployment)
    assert "Why did it fail?" in page
    assert WORDS in page
    assert "Start it again." in page
    assert WORDS in read_api(deployment)["statusMessage"]


def test_a_replica_whose_files_are_gone_is_started_again(world: World) -> None:
    """As on a disk that was put back from a backup: the database knows of a server that nothing is left of."""
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    name = f"{deployment.pk}-1-0"
    kill_shim(world, deployment)
    shutil.rmtree(Path(settings.LAUNCHPAD_HOME) / "replicas" / name)

    Deployment.objects.update(next_reconcile_at=timezone.now())
    world.until(lambda: world.alive(deployment) == [name], "it is there again")
    world.until_status(deployment, Status.RUNNING)

    assert world.ask(deployment)[0] == 200
    assert Generation.objects.get().outcome != Generation.Outcome.FAILED
