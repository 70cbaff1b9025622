"""The table of the lifecycle: situation -> status and actions. `test_planning.py` holds plan() against it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from deployments.lifecycle import ExitReason, Status
from deployments.reconciler.core.plan import READINESS_FAILURE_LIMIT
from deployments.reconciler.core.replica_plan import RESTART_LIMIT
from deployments.reconciler.core.state import (
    Action,
    CreateGeneration,
    Delete,
    Drain,
    KillReplica,
    MarkFailed,
    MarkUnready,
    ObservedState,
    Probe,
    Release,
    ResetRestartCount,
    Restart,
    Route,
    Schedule,
    Start,
    Stop,
    Unroute,
)
from tests.reconciler.core.planning_table_updates import UPDATES
from tests.reconciler.core.situations import (
    DELETED,
    EXITED,
    HUNG,
    NO_FIT,
    NO_PROGRAM,
    NOW,
    PAST,
    STOPPED,
    P,
    facts,
    generation,
    replica,
    running,
    serving,
)

TABLE: list[tuple[str, ObservedState, Status, Sequence[Action]]] = [
    # --- on the way up
    ("a new deployment is begun", facts(status=Status.UNKNOWN), Status.PENDING, [CreateGeneration()]),
    ("what is not placed is placed", facts(generation(1)), Status.PENDING, [Schedule(1)]),
    ("what is placed is started", facts(generation(1, replica())), Status.PENDING, [Start("d-1-0")]),
    ("what is being prepared is waited for", facts(generation(1, replica(P.PREPARING))), Status.PENDING, []),
    ("what is starting is waited for", facts(generation(1, replica(P.STARTING))), Status.PENDING, []),
    ("a healthy generation is verified", facts(generation(1, replica(P.HEALTHY))), Status.PENDING, [Probe(1)]),
    (
        "with one healthy replica of two it is not verified yet",
        facts(generation(1, replica(P.HEALTHY), replica(P.LISTENING, 1))),
        Status.PENDING,
        [],
    ),
    (
        "a verified generation is routed",
        facts(generation(1, replica(P.HEALTHY), verified_at=PAST)),
        Status.PENDING,
        [Route(1)],
    ),
    ("what is routed runs", serving(running()), Status.RUNNING, []),
    # --- failing on the way up
    (
        "a replica that ends is tried again after a pause",
        facts(generation(1, replica(P.EXITED))),
        Status.PENDING,
        [Restart("d-1-0", timedelta(seconds=1), EXITED)],
    ),
    (
        "the pause doubles",
        facts(generation(1, replica(P.EXITED, restarts=3))),
        Status.PENDING,
        [Restart("d-1-0", timedelta(seconds=8), EXITED)],
    ),
    (
        "during the pause nothing is started",
        facts(generation(1, replica(restarts=1, restart_at=NOW + timedelta(seconds=1)))),
        Status.PENDING,
        [],
    ),
    (
        "after the pause it is started",
        facts(generation(1, replica(restarts=1, restart_at=NOW))),
        Status.PENDING,
        [Start("d-1-0")],
    ),
    (
        "after five restarts it is given up",
        facts(generation(1, replica(P.EXITED, restarts=RESTART_LIMIT))),
        Status.DEAD,
        [MarkFailed(1, EXITED, EXITED, returned=False)],
    ),
    (
        "what cannot even be started is given up after the second try",
        facts(
            generation(1, replica(P.EXITED, restarts=1, exit_reason=ExitReason.NOT_STARTED, exit_message=NO_PROGRAM))
        ),
        Status.DEAD,
        [MarkFailed(1, NO_PROGRAM, NO_PROGRAM, returned=False)],
    ),
    (
        "the same end with the same error twice is enough",
        facts(generation(1, replica(P.EXITED, restarts=1, exit_repeats=True))),
        Status.DEAD,
        [MarkFailed(1, EXITED, EXITED, returned=False)],
    ),
    (
        "what says that another try would end the same is not tried again",
        facts(generation(1, replica(P.EXITED, exit_code=65))),
        Status.DEAD,
        [MarkFailed(1, EXITED, EXITED, returned=False)],
    ),
    (
        "what its runtime says of that it would end the same is not tried again",
        facts(
            generation(
                1,
                replica(P.EXITED, exit_reason=ExitReason.NOT_STARTED, exit_permanent=True, exit_message=NO_PROGRAM),
            )
        ),
        Status.DEAD,
        [MarkFailed(1, NO_PROGRAM, NO_PROGRAM, returned=False)],
    ),
    (
        "a program that is missing is not tried again",
        facts(
            generation(
                1,
                replica(P.EXITED, exit_reason=ExitReason.NOT_STARTED, exit_code=127, exit_message=NO_PROGRAM),
            )
        ),
        Status.DEAD,
        [MarkFailed(1, NO_PROGRAM, NO_PROGRAM, returned=False)],
    ),
    (
        "what has served is tried again though it ends the same",
        serving(running(1, replica(P.EXITED, exit_code=65, exit_repeats=True, restarts=2), readiness_failures=3)),
        Status.PENDING,
        [Restart("d-1-0", timedelta(seconds=4), EXITED)],
    ),
    (
        "what has no recipe is given up",
        facts(generation(1, failure=NO_FIT)),
        Status.DEAD,
        [MarkFailed(1, NO_FIT, NO_FIT, returned=False)],
    ),
    # --- in service
    (
        "a replica that ends in service is started again and nothing is called running",
        serving(running(1, replica(P.EXITED), readiness_failures=READINESS_FAILURE_LIMIT)),
        Status.PENDING,
        [Restart("d-1-0", timedelta(seconds=1), EXITED)],
    ),
    (
        "without a healthy replica the old readiness check is void",
        serving(running(1, replica())),
        Status.PENDING,
        [Start("d-1-0"), MarkUnready(1)],
    ),
    (
        "with one healthy replica of two it runs",
        serving(running(1, replica(P.HEALTHY), replica(P.STARTING, 1))),
        Status.RUNNING,
        [],
    ),
    (
        "while another replica answers, restarts go on beyond the limit",
        serving(running(1, replica(P.HEALTHY), replica(P.EXITED, 1, restarts=RESTART_LIMIT))),
        Status.RUNNING,
        [Restart("d-1-1", timedelta(seconds=32), EXITED)],
    ),
    (
        "after it was marked unready it has to be verified again",
        serving(running(1, readiness_failures=READINESS_FAILURE_LIMIT)),
        Status.PENDING,
        [Probe(1)],
    ),
    (
        "a single failed readiness check is repeated before it counts",
        serving(running(1, readiness_failures=1)),
        Status.RUNNING,
        [Probe(1)],
    ),
    (
        "an old readiness check is renewed",
        serving(running(1, verified_at=NOW - timedelta(minutes=5))),
        Status.RUNNING,
        [Probe(1)],
    ),
    (
        "a silent server is ended",
        serving(running(1, replica(P.LISTENING, unhealthy_since=NOW - timedelta(seconds=61)), readiness_failures=3)),
        Status.PENDING,
        [KillReplica("d-1-0", HUNG)],
    ),
    (
        "ten minutes of health forgive the restarts",
        serving(running(1, replica(P.HEALTHY, restarts=2, healthy_since=NOW - timedelta(minutes=10)))),
        Status.RUNNING,
        [ResetRestartCount("d-1-0")],
    ),
    (
        "a server in service that cannot be brought back is given up",
        serving(running(1, replica(P.EXITED, restarts=RESTART_LIMIT))),
        Status.DEAD,
        [MarkFailed(1, EXITED, EXITED, returned=False)],
    ),
    # --- update
    *UPDATES,
    # --- the end
    (
        "a stop closes the route before the servers",
        serving(running(), target=STOPPED),
        Status.STOPPING,
        [Unroute(), Drain(1)],
    ),
    (
        "a stop of what does not answer drains nothing",
        serving(running(1, replica(P.LISTENING), readiness_failures=3), target=STOPPED),
        Status.STOPPING,
        [Unroute(), Stop("d-1-0")],
    ),
    (
        "a stop waits for requests that are open",
        facts(running(1, draining_since=NOW - timedelta(seconds=29), in_flight=3), target=STOPPED),
        Status.STOPPING,
        [],
    ),
    (
        "a stop waits as long as the template says",
        facts(
            running(
                1,
                draining_since=NOW - timedelta(seconds=31),
                in_flight=1,
                drain_limit=timedelta(minutes=10),
            ),
            target=STOPPED,
        ),
        Status.STOPPING,
        [],
    ),
    (
        "a stop goes on without waiting when no request is open",
        facts(running(1, draining_since=PAST, in_flight=0), target=STOPPED),
        Status.STOPPING,
        [Stop("d-1-0")],
    ),
    (
        "a stop does not wait for ever",
        facts(running(1, draining_since=NOW - timedelta(seconds=31), in_flight=3), target=STOPPED),
        Status.STOPPING,
        [Stop("d-1-0")],
    ),
    (
        "a stop in preparation works",
        facts(generation(1, replica(P.PREPARING)), target=STOPPED),
        Status.STOPPING,
        [Stop("d-1-0")],
    ),
    (
        "a server being stopped is waited for",
        facts(generation(1, replica(P.STOPPING)), target=STOPPED),
        Status.STOPPING,
        [],
    ),
    (
        "a replica that may still be starting is stopped before its resources are given back",
        facts(generation(1, replica()), target=STOPPED),
        Status.STOPPED,
        [Stop("d-1-0"), Release(1)],
    ),
    (
        "what has ended is stopped",
        facts(generation(1, replica(P.EXITED)), target=STOPPED),
        Status.STOPPED,
        [Release(1)],
    ),
    ("a stop before anything was placed", facts(generation(1), target=STOPPED), Status.STOPPED, []),
    ("a deletion of what never began", facts(target=DELETED, status=Status.UNKNOWN), Status.UNKNOWN, [Delete()]),
    (
        "a deletion waits for the servers",
        facts(generation(1, replica(P.STOPPING)), target=DELETED),
        Status.STOPPING,
        [],
    ),
    (
        "at the end of its duration it is stopped",
        serving(running(), expired=True),
        Status.STOPPING,
        [Unroute(), Drain(1)],
    ),
    (
        "and then deleted",
        facts(generation(1, replica(P.EXITED), is_reserved=False), expired=True, status=Status.STOPPING),
        Status.STOPPING,
        [Delete()],
    ),
]
