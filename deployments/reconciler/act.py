"""Executes the actions of a plan. Each is stored before its execution, so that an interrupted one can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from deployments import reasons
from deployments.errors import GatewayUnavailable, InvalidInput, RuntimeRejected, SecretMissing
from deployments.gateway import sync
from deployments.gateway.resolve import routing_values
from deployments.lifecycle import Status, Step
from deployments.models import Attempt, Deployment, Generation, Replica, ResourcePlan, Severity, columns_of
from deployments.reconciler.core import state
from deployments.reconciler.core.plan import READINESS_FAILURE_LIMIT
from deployments.reconciler.events import record_event
from deployments.reconciler.lease import LeaseLost
from deployments.runtimes.base import Runtime
from deployments.scheduling import secret_values
from deployments.scheduling.placement import schedule
from deployments.scheduling.server_specs import from_dict, replica_spec, server_spec_of, to_dict
from deployments.serving_template import TemplateInvalid

PROBE_TIMEOUT = 5.0  # seconds


@dataclass(frozen=True, kw_only=True)
class ReconcileContext:
    """The deployment and the runtime of one reconcile."""

    deployment: Deployment
    runtime: Runtime

    def generations(self) -> QuerySet[Generation]:
        return Generation.objects.filter(deployment=self.deployment)

    def generation(self, number: int) -> Generation:
        return self.generations().select_related("configuration__executable").get(number=number)

    def change(self, **values: object) -> None:
        """Update observed columns of the deployment, in the object and in its row.

        Raises:
            LeaseLost: another reconcile may be running.
        """
        rows = Deployment.objects.filter(pk=self.deployment.pk, lease_token=self.deployment.lease_token)
        if not rows.update(**values):
            raise LeaseLost(self.deployment.pk)
        for name, value in values.items():
            setattr(self.deployment, name, value)


def act(context: ReconcileContext, actions: Sequence[state.Action]) -> bool:
    """Execute the actions in order; return whether the state has changed, so that it should be observed again at once.

    Raises:
        RuntimeUnavailable, GatewayUnavailable: nothing is lost; the next reconcile does the rest.
    """
    again = False
    for action in actions:
        again = _DO[type(action)](context, action) or again
    return again


def _create_generation(context: ReconcileContext, action: state.CreateGeneration) -> bool:
    deployment = context.deployment
    values: dict[str, Any] = {}
    try:
        server_spec = server_spec_of(deployment.configuration)
        if ResourcePlan.objects.filter(pk=server_spec.resource_plan).exists():
            values = {"server_spec": to_dict(server_spec), "desired_replicas": server_spec.min_replicas}
        else:
            values = columns_of(reasons.RESOURCE_PLAN_MISSING(plan=server_spec.resource_plan))
    except (TemplateInvalid, InvalidInput) as error:
        values = columns_of(reasons.TEMPLATE_DOES_NOT_FIT(error=str(error)))
    now = timezone.now()
    Generation.objects.get_or_create(
        deployment=deployment,
        number=deployment.generation,
        defaults=values
        | {
            "configuration": deployment.configuration,
            "began_at": now,
            "steps": {Step.REQUESTED: deployment.changed_at.isoformat()},
        },
    )
    context.change(submitted_at=deployment.submitted_at or now, completed_at=None)
    return True


def _schedule(context: ReconcileContext, action: state.Schedule) -> bool:
    return schedule(context.generation(action.generation), context.deployment.resource_group.connection)


def _replica(context: ReconcileContext, name: str) -> Replica:
    replicas = Replica.objects.select_related("generation__configuration__executable")
    return replicas.get(name=name, generation__deployment=context.deployment)


def _start(context: ReconcileContext, action: state.Start) -> bool:
    replica = _replica(context, action.replica)
    if _is_fenced(replica):
        return _advance_past_fence(context, replica)
    generation = replica.generation
    Attempt.objects.get_or_create(replica=replica, number=replica.attempt, defaults={"started_at": timezone.now()})
    server_spec = from_dict(generation.server_spec)
    try:
        group = context.deployment.resource_group
        secrets = secret_values.values_for(group.pk, server_spec.secret_env)
        opened = secret_values.pull_secrets(group, server_spec)
        artifacts = generation.configuration.artifacts()
        context.runtime.start(replica_spec(replica, server_spec, artifacts, secrets, opened))
    except (RuntimeRejected, SecretMissing) as error:
        Generation.objects.filter(pk=generation.pk).update(**columns_of(error.message))
        return True
    if _is_fenced(replica):  # stopped meanwhile, by a reconcile that may not have seen it yet
        context.runtime.stop(replica.name, replica.attempt)
        return False
    if generation.reason:
        Generation.objects.filter(pk=generation.pk).update(**columns_of(None))
    for status in context.runtime.get(context.deployment.pk, probe=False):
        if status.name == replica.name:  # the gateway gets the address while the server is still starting
            before = {"endpoint": replica.endpoint, "host": replica.host, "port": replica.port}
            Replica.objects.filter(pk=replica.pk).update(**routing_values(status.endpoint, before))
    return True


def _restart(context: ReconcileContext, action: state.Restart) -> bool:
    replica = _replica(context, action.replica)
    generation = replica.generation
    with transaction.atomic():
        Replica.objects.filter(pk=replica.pk, attempt=replica.attempt).update(
            attempt=replica.attempt + 1,
            restarts=replica.restarts + int(action.counted),
            restart_at=timezone.now() + action.pause,
            phase="",
            detail=None,
            launched_at=None,
            healthy_since=None,
            unhealthy_since=None,
            killed_because=None,
        )
        if Step.ROUTED not in generation.steps:
            remaining = {
                s: at for s, at in generation.steps.items() if s not in {Step.STARTED, Step.HEALTHY, Step.VERIFIED}
            }
            Generation.objects.filter(pk=generation.pk).update(steps=remaining, verified_at=None)
        pause = int(action.pause.total_seconds()) or None
        message = reasons.RESTART_SCHEDULED(cause=action.cause, number=replica.number, pause_seconds=pause)
        record_event(context.deployment, message, severity=Severity.WARNING if action.counted else Severity.INFO)
    return not action.pause


def _reset_restart_count(context: ReconcileContext, action: state.ResetRestartCount) -> bool:
    Replica.objects.filter(name=action.replica).update(restarts=0, restart_at=None)
    return False


def _kill_replica(context: ReconcileContext, action: state.KillReplica) -> bool:
    replica = _replica(context, action.replica)
    Replica.objects.filter(pk=replica.pk).update(killed_because=action.cause)
    _end(context, replica)
    return False


def _stop(context: ReconcileContext, action: state.Stop) -> bool:
    _end(context, _replica(context, action.replica))
    return False


def _end(context: ReconcileContext, replica: Replica) -> None:
    """Stop the current attempt of a replica, also one that another reconcile is about to start."""
    Replica.objects.filter(pk=replica.pk, fence__lt=replica.attempt).update(fence=replica.attempt)
    context.runtime.stop(replica.name, replica.attempt)


def _advance_past_fence(context: ReconcileContext, replica: Replica) -> bool:
    """Advance to an attempt that may run: that of the row was stopped, and the runtime has no trace of it any more.

    Raises:
        LeaseLost: another reconcile may be running, and may have stopped it for good.
    """
    context.change(lease_token=context.deployment.lease_token)
    rows = Replica.objects.filter(pk=replica.pk, is_reserved=True, attempt__lte=F("fence"))
    return bool(rows.update(attempt=F("fence") + 1))


def _is_fenced(replica: Replica) -> bool:
    """Return whether the attempt of a row must not run any more."""
    fence = Replica.objects.filter(pk=replica.pk, is_reserved=True).values_list("fence", flat=True).first()
    return fence is None or replica.attempt <= fence


def _probe(context: ReconcileContext, action: state.Probe) -> bool:
    row = context.generation(action.generation)
    check = from_dict(row.server_spec).readiness_check
    result = sync.send_probe(
        context.deployment.pk,
        row.number,
        method=check.method,
        path=check.path,
        body=check.body.encode() if check.body is not None else None,
        headers=check.headers,
        any_answer=check.any_answer,
        timeout=PROBE_TIMEOUT,
    )
    now = timezone.now()
    if result.ok:
        answer = reasons.PROBE_SUCCEEDED(request=result.request, status=result.status)
        values = {"verified_at": now, "readiness_failures": 0, "readiness_message": None, "readiness_answer": answer}
        with transaction.atomic():
            context.generations().filter(pk=row.pk).update(**values)
            context.change(verified_at=now)
        return row.verified_at is None or row.readiness_failures > 0  # otherwise nothing has changed
    failures = min(row.readiness_failures + 1, READINESS_FAILURE_LIMIT)
    context.generations().filter(pk=row.pk).update(readiness_failures=failures, readiness_message=result.message)
    return False


def _mark_unready(context: ReconcileContext, action: state.MarkUnready) -> bool:
    context.generations().filter(number=action.generation).update(readiness_failures=READINESS_FAILURE_LIMIT)
    return False


def _route(context: ReconcileContext, action: state.Route) -> bool:
    row = context.generation(action.generation)
    deployment = context.deployment
    before = deployment.serving_generation
    with transaction.atomic():
        context.change(serving_generation=row.number, latest_running_configuration=row.configuration)
        context.generations().filter(pk=row.pk).update(outcome=Generation.Outcome.RUNNING)
        if before is not None:
            context.generations().filter(number=before).update(outcome=Generation.Outcome.REPLACED)
            record_event(
                deployment, reasons.TRAFFIC_MOVED(configuration=row.configuration.name), status=Status.RUNNING
            )
    try:
        sync.apply()
    except GatewayUnavailable:
        # Not RUNNING before a readiness check through the gateway has succeeded.
        _mark_unready(context, state.MarkUnready(row.number))
        raise
    return True


def _unroute(context: ReconcileContext, action: state.Unroute) -> bool:
    context.change(serving_generation=None, verified_at=None)
    sync.apply()
    return False


def _drain(context: ReconcileContext, action: state.Drain) -> bool:
    context.generations().filter(number=action.generation).update(draining_since=timezone.now())
    return False


def _release(context: ReconcileContext, action: state.Release) -> bool:
    rows = context.generations().filter(number=action.generation)
    with transaction.atomic():
        Replica.objects.filter(generation__in=rows).update(is_reserved=False, phase="EXITED", detail=None)
        rows.filter(outcome__in=("", Generation.Outcome.RUNNING)).update(outcome=Generation.Outcome.STOPPED)
    sync.apply()
    return True


def _mark_failed(context: ReconcileContext, action: state.MarkFailed) -> bool:
    """Mark a generation as failed, with its message, in one transaction, unless a newer change was requested."""
    deployment = context.deployment
    with transaction.atomic():
        rows = context.generations().filter(number=action.generation)
        rows.update(outcome=Generation.Outcome.FAILED, **columns_of(action.cause))
        now = timezone.now()
        values = columns_of(action.message) | {"failed_generation": deployment.generation}
        if action.returned:
            running = context.generation(deployment.serving_generation or 0).configuration
            unchanged = Deployment.objects.filter(pk=deployment.pk, generation=deployment.generation)
            unchanged.update(configuration=running, changed_at=now)
            deployment.configuration = running
            values |= {"status_severity": Severity.WARNING}
            record_event(deployment, action.message, severity=Severity.WARNING)
        else:
            values |= {"status": Status.DEAD, "status_severity": Severity.ERROR, "status_changed_at": now}
            values |= {"serving_generation": None, "completed_at": now, "verified_at": None}
            changed = reasons.STATUS_CHANGED(message=action.message)
            record_event(deployment, changed, severity=Severity.ERROR, status=Status.DEAD)
        context.change(**values)
    sync.apply()
    return True


def _delete(context: ReconcileContext, action: state.Delete) -> bool:
    names = Replica.objects.filter(generation__deployment=context.deployment).values_list("name", flat=True)
    for name in list(names):
        context.runtime.delete(name)
    Deployment.objects.filter(pk=context.deployment.pk, lease_token=context.deployment.lease_token).delete()
    sync.apply()
    return False


_DO: dict[type[state.Action], Callable[[ReconcileContext, Any], bool]] = {
    state.CreateGeneration: _create_generation,
    state.Schedule: _schedule,
    state.Start: _start,
    state.Restart: _restart,
    state.ResetRestartCount: _reset_restart_count,
    state.KillReplica: _kill_replica,
    state.Stop: _stop,
    state.Probe: _probe,
    state.MarkUnready: _mark_unready,
    state.Route: _route,
    state.Unroute: _unroute,
    state.Drain: _drain,
    state.Release: _release,
    state.MarkFailed: _mark_failed,
    state.Delete: _delete,
}
