"""A connection that hangs keeps its own deployments waiting and nobody else's, and everybody can see that it does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from redis import RedisError

from deployments import tasks
from deployments.errors import RuntimeUnavailable
from deployments.lifecycle import Status
from deployments.messages import TEXT
from deployments.models import Connection, ConnectionStatus, Deployment
from deployments.reconciler import lanes, observe_connection
from deployments.reconciler.contact import CONTACT_INTERVAL, record_contact
from deployments.runtimes import registry
from deployments.runtimes.base import (
    ConnectionReport,
    Node,
    ReplicaSpec,
    ReplicaStatus,
    Resources,
)
from deployments.runtimes.kind import Capabilities, Driver
from tests import factories as make
from tests.waiting import wait_until

NODES = (Node(name="one", resources=Resources(cpu_millis=8000, memory_bytes=16_000_000_000)),)


class Pretended:
    """A runtime that answers when `answers` is set; it keeps what it was asked."""

    def __init__(self, answers: threading.Event) -> None:
        self.answers = answers
        self.problem = ""
        self.looks = 0
        self.looking = 0
        self.most_looking = 0
        self.asked: set[str] = set()

    def nodes(self) -> Sequence[Node]:
        self.looking += 1
        self.most_looking = max(self.most_looking, self.looking)
        self.answers.wait(10)
        self.looking -= 1
        self.looks += 1
        if self.problem:
            raise RuntimeUnavailable(self.problem)
        return NODES

    def list_all(self) -> Sequence[ReplicaStatus]:
        return []

    def get(self, deployment_id: str, *, probe: bool = True) -> Sequence[ReplicaStatus]:
        self.asked.add(deployment_id)
        self.answers.wait(10)
        return []

    def start(self, spec: ReplicaSpec) -> None:
        self.answers.wait(10)


def driver_with(runtime: Any) -> Driver:
    return Driver(
        kind="pretended",
        label="Pretended",
        capabilities=Capabilities(),
        open=lambda *_: runtime,
        check_options=lambda *_: "",
        option_fields=(),
        test=lambda *_: ConnectionReport(version="1"),
        check=lambda *_: None,
    )


@pytest.fixture
def hanging() -> Iterator[Pretended]:
    runtime = Pretended(threading.Event())
    yield runtime
    runtime.answers.set()


@pytest.fixture
def healthy() -> Pretended:
    answers = threading.Event()
    answers.set()
    return Pretended(answers)


@pytest.fixture
def both(
    transactional_db: None, hanging: Pretended, healthy: Pretended, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Connection, Connection]]:
    """The connection that hangs, which comes first in every order, and the other one."""
    kinds = {"hanging": hanging, "healthy": healthy}
    monkeypatch.setattr(registry, "driver_of", lambda kind: driver_with(kinds[kind]))
    names = ("a-hanging", "b-healthy")
    yield tuple(  # type: ignore[misc]
        Connection.objects.create(name=name, kind=kind) for name, kind in zip(names, kinds, strict=True)
    )
    hanging.answers.set()
    lanes.close_all()


def sweep() -> float:
    """Sweep as the worker does, and return how many seconds of its thread that took."""
    began = time.monotonic()
    with suppress(RedisError):  # there is no broker here to note that the worker lives
        tasks.sweep()
    return time.monotonic() - began


def deploy_on(connection: Connection, number: int) -> list[Deployment]:
    group = make.make_group(f"on-{connection.name}", connection=connection)
    configuration = make.make_configuration(group)
    return [make.make_deployment(configuration, status=Status.UNKNOWN) for _ in range(number)]


def test_the_sweep_of_others_does_not_wait_for_a_connection_that_hangs(
    both: tuple[Connection, Connection], hanging: Pretended, healthy: Pretended
) -> None:
    for number in range(1, 4):
        assert sweep() < 2
        wait_until(lambda n=number: healthy.looks >= n, timeout=2, what="the other one is looked at")  # type: ignore[misc]

    assert hanging.looks == 0
    assert hanging.most_looking == 1, "one that hangs is not asked again meanwhile"


def test_deployments_of_others_are_reconciled_while_all_of_a_connection_hang(
    both: tuple[Connection, Connection], hanging: Pretended, healthy: Pretended
) -> None:
    deploy_on(both[0], 20)
    ids = {deployment.pk for deployment in deploy_on(both[1], 3)}

    assert sweep() < 2

    wait_until(lambda: ids <= healthy.asked, timeout=3, what="those of the other connection are reconciled")
    wait_until(lambda: len(hanging.asked) == lanes.RECONCILES_AT_ONCE, what="no more than a few wait for it")


def test_silence_is_written_down_and_its_end_too(
    both: tuple[Connection, Connection], hanging: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "SILENT_SECONDS", 0.0)
    record_contact(both[0], NODES)
    sweep()
    wait_until(lambda: hanging.looking == 1, what="it is looked at")

    sweep()
    status = ConnectionStatus.objects.get(connection=both[0])
    assert status.unreachable_since is not None
    assert status.problem.reason == "ConnectionSilent"
    assert status.nodes == NODES, "what it had is still known"

    hanging.answers.set()
    wait_until(
        lambda: ConnectionStatus.objects.filter(connection=both[0], unreachable_since=None).exists(),
        what="it answers again",
    )


@pytest.mark.django_db
def test_why_a_connection_cannot_be_reached_is_kept_with_since_when(
    both: tuple[Connection, Connection], healthy: Pretended
) -> None:
    observe_connection(both[1].pk)
    healthy.problem = "No route to it."
    observe_connection(both[1].pk)
    first = ConnectionStatus.objects.get(connection=both[1])
    healthy.problem = "It refuses connections."
    observe_connection(both[1].pk)

    status = ConnectionStatus.objects.get(connection=both[1])
    assert (status.problem, status.unreachable_since) == (
        TEXT(text="It refuses connections."),
        first.unreachable_since,
    )
    assert status.contacted_at == first.contacted_at
    assert status.contacted_at is not None


@pytest.mark.django_db
def test_a_look_that_finds_nothing_new_writes_nothing(both: tuple[Connection, Connection]) -> None:
    observe_connection(both[1].pk)

    def writes() -> int:
        with CaptureQueriesContext(database) as queries:
            observe_connection(both[1].pk)
        return sum(query["sql"].startswith(("UPDATE", "INSERT", "DELETE")) for query in queries)

    assert writes() == 0
    ConnectionStatus.objects.update(contacted_at=timezone.now() - CONTACT_INTERVAL - timedelta(seconds=1))
    assert writes() == 1, "the time of the last answer, every now and then"
    ConnectionStatus.objects.update(contacted_at=timezone.now() + timedelta(hours=1))
    assert writes() == 1, "a time from before the clock was set back"


def test_work_of_one_key_waits_once_and_a_lane_that_is_closed_begins_nothing() -> None:
    lane = lanes.Lane("test", limit=1)
    go, done = threading.Event(), []
    lane.submit("first", lambda: go.wait(5))
    for _ in range(3):
        lane.submit("second", lambda: done.append(2))
    lane.submit("fails", lambda: done.index(9))
    lane.submit("third", lambda: done.append(3))
    assert lane.busy_for() < 5
    go.set()
    wait_until(lambda: done == [2, 3], what="all is done, once each, in order, whatever fails")

    lane.close(1)
    lane.submit("fourth", lambda: done.append(4))
    assert done == [2, 3]
    assert lane.busy_for() == 0
