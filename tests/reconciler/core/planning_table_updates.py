"""The part of the table of the lifecycle that is about updates: situation -> status and actions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from deployments import reasons
from deployments.lifecycle import Status
from deployments.reconciler.core.plan import READINESS_FAILURE_LIMIT
from deployments.reconciler.core.replica_plan import RESTART_LIMIT
from deployments.reconciler.core.state import (
    Action,
    CreateGeneration,
    Drain,
    MarkFailed,
    ObservedState,
    Probe,
    Release,
    Route,
    Schedule,
    Start,
    Stop,
)
from tests.reconciler.core.situations import (
    EXITED,
    NO_SECRET,
    NOW,
    PAST,
    P,
    facts,
    generation,
    replica,
    running,
    serving,
)

UPDATES: list[tuple[str, ObservedState, Status, Sequence[Action]]] = [
    (
        "an update is begun while the old one serves",
        serving(running(), generation=2),
        Status.RUNNING,
        [CreateGeneration()],
    ),
    (
        "an update waits for capacity while the old one serves",
        serving(running(), generation(2)),
        Status.RUNNING,
        [Schedule(2)],
    ),
    (
        "an update moves the traffic only when it is verified",
        serving(running(), generation(2, replica(P.HEALTHY))),
        Status.RUNNING,
        [Probe(2)],
    ),
    (
        "a verified update gets the traffic",
        serving(running(), generation(2, replica(P.HEALTHY), verified_at=PAST)),
        Status.RUNNING,
        [Route(2)],
    ),
    (
        "the old generation is told to drain",
        serving(running(), running(2), serving=2),
        Status.RUNNING,
        [Drain(1)],
    ),
    (
        "requests that are still open are waited for",
        serving(running(1, draining_since=PAST, in_flight=1), running(2), serving=2),
        Status.RUNNING,
        [],
    ),
    (
        "a drained generation is stopped",
        serving(running(1, draining_since=PAST, in_flight=0), running(2), serving=2),
        Status.RUNNING,
        [Stop("d-1-0")],
    ),
    (
        "draining has an end",
        serving(running(1, draining_since=NOW - timedelta(seconds=31), in_flight=9), running(2), serving=2),
        Status.RUNNING,
        [Stop("d-1-0")],
    ),
    (
        "draining lasts as long as the template of what drains says",
        serving(
            running(1, draining_since=NOW - timedelta(minutes=9), in_flight=9, drain_limit=timedelta(minutes=10)),
            running(2, drain_limit=timedelta(0)),
            serving=2,
        ),
        Status.RUNNING,
        [],
    ),
    (
        "an update that is itself updated is released",
        serving(running(), generation(2, replica(P.STARTING)), generation(3)),
        Status.RUNNING,
        [Stop("d-1-0"), Schedule(3)],
    ),
    (
        "the old server is kept alive during an update",
        serving(
            running(1, replica(), readiness_failures=READINESS_FAILURE_LIMIT), generation(2, replica(P.STARTING, 1))
        ),
        Status.PENDING,
        [Start("d-1-0")],
    ),
    (
        "a failed update returns when that was wanted",
        serving(running(), generation(2, replica(P.EXITED, 1, restarts=RESTART_LIMIT)), rollback_on_failure=True),
        Status.RUNNING,
        [
            MarkFailed(
                2,
                EXITED,
                reasons.ROLLED_BACK(configuration="conf-2", cause=EXITED, serving="conf-1"),
                returned=True,
            )
        ],
    ),
    (
        "a failed update ends as DEAD when it is not",
        serving(running(), generation(2, replica(P.EXITED, 1, restarts=RESTART_LIMIT))),
        Status.DEAD,
        [
            MarkFailed(
                2,
                EXITED,
                reasons.UPDATE_FAILED(configuration="conf-2", cause=EXITED, last="conf-1"),
                returned=False,
            )
        ],
    ),
    (
        "after the return the failed servers go and the old ones stay",
        serving(
            running(),
            generation(2, replica(P.STARTING, 1), failure=reasons.HEALTH_PATH_SILENT(limit_seconds=60)),
            failed=2,
        ),
        Status.RUNNING,
        [Stop("d-1-1")],
    ),
    (
        "after a failure everything is released",
        facts(running(), generation(2, replica(P.EXITED, 1)), failed=2),
        Status.DEAD,
        [Stop("d-1-0"), Release(2)],
    ),
    (
        "a DEAD deployment can be updated",
        facts(failed=1, generation=2, status=Status.DEAD),
        Status.PENDING,
        [CreateGeneration()],
    ),
    (
        "a start that was refused for good ends what does not answer otherwise",
        serving(running(1, replica(), failure=NO_SECRET)),
        Status.DEAD,
        [MarkFailed(1, NO_SECRET, NO_SECRET, returned=False)],
    ),
    (
        "a start that was refused for good is tried again beside a server that answers",
        serving(running(1, replica(P.HEALTHY), replica(None, 1), failure=NO_SECRET)),
        Status.RUNNING,
        [Start("d-1-1")],
    ),
]
