"""The table of the lifecycle: situation -> status and actions. `test_planning.py` holds plan() against it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from deployments import reasons
from deployments.lifecycle import ExitReason, ReplicaPhase, Status, Step, TargetStatus
from deployments.messages import Message
from deployments.reconciler.core.plan import READINESS_FAILURE_LIMIT
from deployments.reconciler.core.replica_plan import RESTART_LIMIT
from deployments.reconciler.core.state import (
    Action,
    CreateGeneration,
    Delete,
    Drain,
    GenerationState,
    KillReplica,
    MarkFailed,
    MarkUnready,
    ObservedState,
    Probe,
    Release,
    ReplicaState,
    ResetRestartCount,
    Restart,
    Route,
    Schedule,
    Start,
    Stop,
    Unroute,
)

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
PAST = NOW - timedelta(seconds=2)
UP = dict.fromkeys(Step, PAST)
PLACED = {Step.REQUESTED: PAST, Step.PLACED: PAST}
P = ReplicaPhase
EXITED = Message("ServerExited", {"code": 3})
NO_PROGRAM = Message("ProgramMissing", {"program": "no-such"})
HUNG = reasons.HEALTH_PATH_SILENT(limit_seconds=60)
NO_FIT = reasons.TEMPLATE_DOES_NOT_FIT(error="no such field")
NO_SECRET = reasons.SECRET_MISSING(variable="TOKEN", secret="reviews", group="default")


def replica(phase: ReplicaPhase | None = None, number: int = 0, **more: object) -> ReplicaState:
    values: dict[str, object] = {"name": f"d-1-{number}", "phase": phase, "attempt_began_at": PAST if phase else None}
    if phase is P.EXITED:
        values |= {"exit_reason": ExitReason.EXITED, "exit_message": EXITED}
    return ReplicaState(**(values | more))  # type: ignore[arg-type]


def generation(number: int = 1, *replicas: ReplicaState, **more: object) -> GenerationState:
    values: dict[str, object] = {
        "number": number,
        "configuration": f"conf-{number}",
        "began_at": PAST,
        "held": bool(replicas),
        "replicas": replicas,
        "steps": PLACED,
    }
    return GenerationState(**(values | more))  # type: ignore[arg-type]


def running(number: int = 1, *replicas: ReplicaState, **more: object) -> GenerationState:
    replicas = replicas or (replica(P.HEALTHY, healthy_since=PAST),)
    return generation(number, *replicas, **({"steps": UP, "verified_at": PAST} | more))


def facts(*generations: GenerationState, **more: object) -> ObservedState:
    values: dict[str, object] = {
        "now": NOW,
        "target": TargetStatus.RUNNING,
        "status": Status.PENDING,
        "generation": max((g.number for g in generations), default=1),
        "generations": {g.number: g for g in generations},
    }
    return ObservedState(**(values | more))  # type: ignore[arg-type]


def serving(*generations: GenerationState, **more: object) -> ObservedState:
    return facts(*generations, **({"serving": 1, "status": Status.RUNNING, "latest_running": "conf-1"} | more))


STOPPED, DELETED = TargetStatus.STOPPED, TargetStatus.DELETED

TABLE: list[tuple[str, ObservedState, Status, Sequence[Action]]] = [
    # --- on the way up
    ("a new deployment is begun", facts(status=Status.UNKNOWN), Status.PENDING, [CreateGeneration()]),
    ("what is not placed is placed", facts(generation(1)), Status.PENDING, [Schedule(1)]),
    ("what is placed is started", facts(generation(1, replica())), Status.PENDING, [Start("d-1-0")]),
    ("what is being prepared is waited for", facts(generation(1, replica(P.PREPARING))), Status.PENDING, []),
    ("what is starting is waited for", facts(generation(1, replica(P.STARTING))), Status.PENDING, []),
    ("what is healthy is proved", facts(generation(1, replica(P.HEALTHY))), Status.PENDING, [Probe(1)]),
    (
        "one healthy replica of two is not proved yet",
        facts(generation(1, replica(P.HEALTHY), replica(P.LISTENING, 1))),
        Status.PENDING,
        [],
    ),
    (
        "what is proved is routed",
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
        "without a healthy replica the old proof is void",
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
        "after a distrust it has to be proved again",
        serving(running(1, readiness_failures=READINESS_FAILURE_LIMIT)),
        Status.PENDING,
        [Probe(1)],
    ),
    (
        "a single failed proof is repeated before it counts",
        serving(running(1, readiness_failures=1)),
        Status.RUNNING,
        [Probe(1)],
    ),
    (
        "an old proof is renewed",
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
        "an update moves the traffic only when it is proved",
        serving(running(), generation(2, replica(P.HEALTHY))),
        Status.RUNNING,
        [Probe(2)],
    ),
    (
        "a proved update gets the traffic",
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
        facts(generation(1, replica(P.EXITED), held=False), expired=True, status=Status.STOPPING),
        Status.STOPPING,
        [Delete()],
    ),
]
