"""Reconciles one deployment."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from deployments import reasons
from deployments.errors import GatewayRejected, GatewayUnavailable, RuntimeUnavailable
from deployments.gateway import sync
from deployments.lifecycle import Status
from deployments.messages import Message
from deployments.models import Deployment, Generation, Severity, columns_of
from deployments.reconciler import lease as leases
from deployments.reconciler.act import ReconcileContext, act
from deployments.reconciler.capacity_queue import wake_waiting
from deployments.reconciler.core.plan import plan
from deployments.reconciler.core.state import ObservedState, Plan, Release
from deployments.reconciler.events import record_event
from deployments.reconciler.observe import observe
from deployments.runtimes.registry import runtime_for

logger = logging.getLogger(__name__)

MAX_STEPS = 10  # a reconcile may take several quick steps, but must not delay others for long
UNREACHABLE_REQUEUE = timedelta(seconds=2)
ERROR_REQUEUE = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class Requeue:
    """A reconcile that is to be run, and in how many seconds."""

    deployment_id: str
    in_seconds: float = 0


def reconcile(deployment_id: str) -> Sequence[Requeue]:
    """Bring the observed state of a deployment towards the desired one, as far as possible without waiting.

    Returns:
        The reconciles to run next: of this deployment, unless nothing is pending or another reconcile is running, and
        of those that were waiting for the resources that it has released.
    """
    lease = leases.acquire(deployment_id)
    if lease is None:
        return []
    pause: timedelta | None = ERROR_REQUEUE
    woken: Sequence[str] = ()
    try:
        pause, woken = _reconcile(lease)
    except leases.LeaseLost:
        pause = None  # the row is deleted, or another reconcile decides when the next one is due
    except (RuntimeUnavailable, GatewayUnavailable, GatewayRejected) as error:
        logger.warning("%s: %s", deployment_id, error)
        _record_unreachable(lease, error.message)
        pause = UNREACHABLE_REQUEUE
    finally:
        due_again = leases.release(lease, pause)
    requeues = [Requeue(deployment_id=pk) for pk in woken]
    if due_again:
        pause = timedelta(0)
    if pause is not None:
        requeues.append(Requeue(deployment_id=deployment_id, in_seconds=pause.total_seconds()))
    return requeues


def _reconcile(lease: leases.Lease) -> tuple[timedelta | None, Sequence[str]]:
    """Observe, plan, act and record until there is something to wait for; return how long, and the woken ids."""
    released = False
    for number in range(MAX_STEPS):
        deployment = leases.renew(lease) if number else leases.current_row(lease)
        runtime = runtime_for(deployment.resource_group.connection)
        observed = observe(deployment, runtime)
        if _has_moved(observed):  # the readiness check, and clients, must not wait for the next sweep
            sync.apply()
        planned = plan(observed)
        again = act(ReconcileContext(deployment=deployment, runtime=runtime), planned.actions)
        _record(lease, deployment, observed, planned)
        released = released or any(isinstance(action, Release) for action in planned.actions)
        if not again:
            woken = wake_waiting(deployment.resource_group.connection) if released else ()
            return _until(deployment, planned.requeue_after), woken
        if _needs_backends(deployment):
            sync.apply()
    return timedelta(0), ()


def _has_moved(observed: ObservedState) -> bool:
    generations = observed.generations.values()
    return any(replica.is_moved for generation in generations for replica in generation.replicas)


def _needs_backends(deployment: Deployment) -> bool:
    """Whether a generation is coming up: the gateway needs its replicas for the readiness check."""
    return deployment.serving_generation != deployment.generation and deployment.target_status == "RUNNING"


def _until(deployment: Deployment, pause: timedelta | None) -> timedelta | None:
    """Shorten a pause to the end of the deployment's duration."""
    if deployment.expires_at is None:
        return pause
    left = max(timedelta(0), deployment.expires_at - timezone.now())
    return left if pause is None else min(pause, left)


def _record(lease: leases.Lease, deployment: Deployment, observed: ObservedState, planned: Plan) -> None:
    """Write the observed state where it differs, and only while the lease is valid."""
    now = timezone.now()
    with transaction.atomic():
        _record_steps(deployment, planned)
        values: dict[str, object] = {}
        if deployment.observed_generation != observed.generation:
            values["observed_generation"] = observed.generation
        if deployment.unreachable_since is not None:
            values["unreachable_since"] = None
        message = deployment.message if planned.message is None else planned.message
        if (deployment.status, deployment.message) != (planned.status, message):
            values |= columns_of(message) | {"status_severity": planned.severity}
        if deployment.status != planned.status:
            values |= {"status": planned.status, "status_changed_at": now}
            if planned.status is Status.RUNNING:
                values["started_at"] = now
            if planned.status in {Status.STOPPED, Status.DEAD}:
                values["completed_at"] = now
        if not values:
            return
        rows = Deployment.objects.filter(pk=deployment.pk, lease_token=lease.token)
        if rows.update(**values) and "status" in values:
            changed = reasons.STATUS_CHANGED(message=message)
            record_event(deployment, changed, severity=planned.severity, status=planned.status)


def _record_steps(deployment: Deployment, planned: Plan) -> None:
    """Write the time of each step when it is first observed as completed."""
    now = timezone.now().isoformat()
    for number, steps in planned.steps.items():
        row = Generation.objects.filter(deployment=deployment, number=number).first()
        new = {step: now for step in steps if row is not None and step not in row.steps}
        if row is not None and new:
            Generation.objects.filter(pk=row.pk).update(steps=row.steps | new)


def _record_unreachable(lease: leases.Lease, cause: Message) -> None:
    """Record since when the runtime is unreachable, and nothing else: its servers may well be running."""
    rows = Deployment.objects.filter(pk=lease.deployment_id, lease_token=lease.token, unreachable_since=None)
    if rows.update(unreachable_since=timezone.now()):
        deployment = Deployment.objects.get(pk=lease.deployment_id)
        record_event(deployment, reasons.UNREACHABLE(cause=cause), severity=Severity.WARNING)
