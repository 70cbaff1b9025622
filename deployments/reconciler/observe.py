"""Builds the ObservedState of a deployment from its rows and the runtime, and records changes of its replicas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from deployments import reasons
from deployments.gateway import sync
from deployments.gateway.resolve import routing_values
from deployments.lifecycle import DRAIN_SECONDS, ExitReason, ReplicaPhase, Status, Step, TargetStatus
from deployments.messages import Message, Reason
from deployments.models import Attempt, Deployment, Generation, Replica, columns_of
from deployments.reconciler.clock import correct, is_ahead
from deployments.reconciler.core.state import GenerationState, ObservedState, ReplicaState
from deployments.reconciler.error_comparison import without_changing_parts
from deployments.runtimes.base import ReplicaExit, ReplicaStatus, Runtime
from deployments.scheduling.placement import schedules_itself
from deployments.scheduling.server_specs import from_dict
from deployments.serving_template import ServerSpec

_DURING: Mapping[str, Reason] = {
    "": reasons.BEFORE_START,
    ReplicaPhase.SCHEDULING: reasons.BEFORE_START,
    ReplicaPhase.PREPARING: reasons.WHILE_PREPARING,
    ReplicaPhase.FETCHING: reasons.WHILE_FETCHING,
    ReplicaPhase.STARTING: reasons.WHILE_STARTING,
    ReplicaPhase.LISTENING: reasons.WHILE_BECOMING_HEALTHY,
    ReplicaPhase.HEALTHY: reasons.WHILE_SERVING,
}
_LAUNCHED = {ReplicaPhase.STARTING, ReplicaPhase.LISTENING, ReplicaPhase.HEALTHY}
_NOT_ITS_OWN = {ExitReason.STOPPED, ExitReason.LOST}
_RAN = {ExitReason.EXITED, ExitReason.SIGNALED, ExitReason.OUT_OF_MEMORY}


def observe(deployment: Deployment, runtime: Runtime) -> ObservedState:
    """Return the observed state of a deployment.

    Raises:
        RuntimeUnavailable: the runtime cannot be asked.
    """
    statuses = {replica.name: replica for replica in runtime.get(deployment.pk)}
    now = timezone.now()
    numbers = {deployment.generation, deployment.serving_generation, deployment.failed_generation} - {None}
    rows = (
        Generation.objects.filter(Q(number__in=numbers) | Q(replicas__is_reserved=True), deployment=deployment)
        .distinct()
        .select_related("configuration")
        .prefetch_related("replicas")
    )
    generations = {row.number: _generation_state(row, statuses, now) for row in rows}
    if schedules_itself(deployment.resource_group.connection):
        generations = {number: replace(state, scheduled_by_runtime=True) for number, state in generations.items()}
    last = deployment.latest_running_configuration
    return ObservedState(
        now=now,
        target=TargetStatus(deployment.target_status),
        status=Status(deployment.status),
        generation=deployment.generation,
        rollback_on_failure=deployment.rollback_on_failure,
        failed=deployment.failed_generation,
        serving=deployment.serving_generation,
        latest_running=last.name if last else "",
        expired=deployment.expires_at is not None and deployment.expires_at <= now,
        generations=generations,
    )


def _generation_state(row: Generation, statuses: Mapping[str, ReplicaStatus], now: datetime) -> GenerationState:
    replicas = list(row.replicas.all())
    correct(row, replicas, now)
    in_flight = sync.in_flight(row.deployment_id, row.number) if row.draining_since else None
    server_spec = from_dict(row.server_spec) if row.server_spec else None
    return GenerationState(
        number=row.number,
        configuration=row.configuration.name,
        began_at=row.began_at,
        is_reserved=any(replica.is_reserved for replica in replicas),
        waiting=row.waiting,
        replicas=tuple(_replica_state(replica, statuses.get(replica.name), now) for replica in replicas),
        steps={Step(step): datetime.fromisoformat(at) for step, at in row.steps.items()},
        deadlines=_deadlines(server_spec) if server_spec else {},
        verified_at=row.verified_at,
        readiness_failures=row.readiness_failures,
        readiness_message=row.readiness_message,
        draining_since=row.draining_since,
        drain_limit=timedelta(seconds=server_spec.drain_seconds if server_spec else DRAIN_SECONDS),
        in_flight=in_flight,
        failure=row.message,
    )


def _deadlines(server_spec: ServerSpec) -> dict[Step, timedelta]:
    return {Step(step): timedelta(seconds=seconds) for step, seconds in server_spec.deadlines.items()}


def _replica_state(row: Replica, status: ReplicaStatus | None, now: datetime) -> ReplicaState:
    if status is not None and status.attempt < row.attempt:
        status = None  # the runtime still returns the previous attempt
    before = (row.host, row.port)
    if status is not None:
        _record_status(row, status, now)
    return ReplicaState(
        name=row.name,
        phase=status.phase if status else None,
        attempt_began_at=status.started_at if status and not is_ahead(status.started_at, now) else None,
        launched_at=row.launched_at,
        detail=row.detail if status else None,
        exit_reason=status.exit.reason if status and status.exit else None,
        exit_code=status.exit.code if status and status.exit else None,
        exit_permanent=bool(status and status.exit and status.exit.permanent),
        exit_message=_last_end(row),
        exit_repeats=bool(status and status.exit) and _ended_alike(row),
        restarts=row.restarts,
        restart_at=row.restart_at,
        healthy_since=row.healthy_since,
        unhealthy_since=row.unhealthy_since,
        killed_because=row.killed_because,
        is_moved=(row.host, row.port) != before,
    )


def _last_end(row: Replica) -> Message | None:
    """Return how the last attempt ended, while that is relevant."""
    if not row.restarts and row.phase != ReplicaPhase.EXITED:
        return None
    last = row.attempts.filter(ended_at__isnull=False).order_by("-number").first()
    if last is None or (message := last.message) is None:
        return None
    return Message(message.reason, {**message.params, "log": last.first_error}) if last.first_error else message


def _ended_alike(row: Replica) -> bool:
    """Return whether the last two attempts ended by themselves in the same way, with the same error."""
    last = list(row.attempts.filter(ended_at__isnull=False).order_by("-number")[:2])
    if len(last) < 2 or last[0].exit_reason in _NOT_ITS_OWN or row.killed_because:
        return False
    first, second = (
        (
            end.step,
            end.exit_reason,
            end.exit_code,
            end.exit_signal,
            without_changing_parts(end.first_error or json.dumps(columns_of(end.message))),
        )
        for end in last
    )
    return first == second


def _record_status(row: Replica, status: ReplicaStatus, now: datetime) -> None:
    """Write the changes of a replica, if there are any."""
    names = ("phase", "detail", "endpoint", "host", "port", "launched_at", "healthy_since", "unhealthy_since")
    before = [getattr(row, name) for name in names]
    if status.exit is not None and row.phase != ReplicaPhase.EXITED:
        _record_exit(row, status.exit)
    if status.phase is ReplicaPhase.HEALTHY:
        row.healthy_since = row.healthy_since or now
        row.unhealthy_since = None
    elif row.healthy_since is not None:
        row.healthy_since, row.unhealthy_since = None, now
    row.phase, row.detail = status.phase, status.detail
    if status.phase is not ReplicaPhase.EXITED:
        for name, value in routing_values(status.endpoint, dict(zip(names, before, strict=True))).items():
            setattr(row, name, value)
        if status.endpoint is not None and not row.port:
            row.detail = status.endpoint.problem or reasons.HOST_UNRESOLVED(host=status.endpoint.host)
    if status.phase in _LAUNCHED:
        row.launched_at = row.launched_at or now
    after = [getattr(row, name) for name in names]
    if after != before:
        Replica.objects.filter(pk=row.pk).update(**dict(zip(names, after, strict=True)))


def _record_exit(row: Replica, ended: ReplicaExit) -> None:
    phase = row.phase
    if ended.reason in _RAN and phase in {"", ReplicaPhase.SCHEDULING, ReplicaPhase.PREPARING, ReplicaPhase.FETCHING}:
        phase = ReplicaPhase.STARTING  # it progressed further than was last observed
    during = _DURING.get(phase, reasons.WHILE_STOPPING)
    Attempt.objects.update_or_create(
        replica=row,
        number=row.attempt,
        defaults={
            "ended_at": ended.at,
            "step": phase,
            "exit_reason": ended.reason,
            "exit_code": ended.code,
            "exit_signal": ended.signal,
            **columns_of(Message(ended.message.reason, {**ended.message.params, "during": during.code})),
            "first_error": ended.first_error,
            "first_error_at": ended.first_error_at,
        },
    )
