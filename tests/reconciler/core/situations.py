"""The observed states that the table of the lifecycle and its tests are made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from deployments import reasons
from deployments.lifecycle import ExitReason, ReplicaPhase, Status, Step, TargetStatus
from deployments.messages import Message
from deployments.reconciler.core.state import (
    GenerationState,
    ObservedState,
    ReplicaState,
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
        "is_reserved": bool(replicas),
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
