"""The sweep: periodically finds the deployments that are due, and orphaned servers."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from datetime import timedelta

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from deployments import measurements, reasons
from deployments.errors import GatewayRejected, GatewayUnavailable, RuntimeUnavailable
from deployments.gateway import sync
from deployments.lifecycle import ReplicaPhase
from deployments.models import (
    Artifact,
    Connection,
    Deployment,
    DeploymentEvent,
    Replica,
    ResourceGroup,
    Severity,
    SignInLink,
    TokenGrant,
)
from deployments.reconciler.capacity_queue import wake_waiting
from deployments.reconciler.contact import record_contact, record_unreachable
from deployments.reconciler.events import record_event
from deployments.reconciler.lease import is_due, is_free, release_of_dead_processes
from deployments.runtimes.base import ReplicaStatus, Runtime
from deployments.runtimes.registry import runtime_for
from deployments.scheduling.server_specs import artifact_source_of

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 2.0
MAX_DUE = 200  # per sweep; the longest overdue first, so that none starves
WARN_BEFORE_END = timedelta(hours=1)
OUR_NAME = re.compile(r"^(?P<deployment>d[0-9a-f]{15})-\d+-\d+$")
_ENDING = {ReplicaPhase.STOPPING, ReplicaPhase.EXITED}


def sweep() -> list[tuple[int, str]]:
    """Do what needs no runtime, and return what to reconcile now as (connection, deployment), longest overdue first.

    Connections are observed separately (see `observe_connection`), so that one that hangs delays no other.
    """
    try:
        sync.apply()
        _hasten_unhealthy(sync.replicas_down())
    except (GatewayUnavailable, GatewayRejected) as error:
        logger.warning("The gateway cannot be configured: %s", error)
    if freed := release_of_dead_processes():
        logger.info("%s leases of a worker that was killed were released.", freed)
    rows = Deployment.objects.filter(is_due(), is_free()).order_by("next_reconcile_at", "created_at")
    return list(rows.values_list("resource_group__connection", "pk")[:MAX_DUE])


def observe_connection(connection_id: int) -> list[str]:
    """Call one connection and record its nodes and replicas; return the ids of deployments to reconcile.

    Takes as long as the connection takes to answer.
    """
    connection = Connection.objects.filter(pk=connection_id).first()
    if connection is None:
        return []
    try:
        runtime = runtime_for(connection)
        record_contact(connection, runtime.nodes())
        changed = _compare(connection, runtime)
        _measure(connection, runtime)
    except RuntimeUnavailable as error:
        record_unreachable(connection, error.message)
        return []
    return [*changed, *wake_waiting(connection)]


def _compare(connection: Connection, runtime: Runtime) -> Collection[str]:
    """Compare the replicas of the runtime with the rows, with one call and one query; return the deployments made due.

    The runtime is asked first: a row is written before its server is started, so a server without a row in the later
    query is an orphan. Rows of other connections count as well: servers that an older version started without an owner
    are listed by each connection of the engine.
    """
    statuses = {replica.name: replica for replica in runtime.list_all()}
    reserved = _reserved(Q(generation__deployment__resource_group__connection=connection))
    if unknown := statuses.keys() - reserved.keys():
        reserved |= _reserved(Q(name__in=unknown))
    changed = {
        deployment_id
        for name, (deployment_id, attempt, phase, _) in reserved.items()
        if phase == ReplicaPhase.HEALTHY and _has_ended(statuses.get(name), attempt)
    }
    if changed:
        Deployment.objects.filter(pk__in=changed, next_reconcile_at__gt=timezone.now()).update(
            next_reconcile_at=timezone.now()
        )
    for name in statuses.keys() & reserved.keys():  # started by one reconcile while another stopped it
        if statuses[name].attempt <= reserved[name][3] and statuses[name].phase not in _ENDING:
            runtime.stop(name, statuses[name].attempt)
    _collect_orphans(runtime, [replica for name, replica in statuses.items() if name not in reserved])
    return changed


def _reserved(condition: Q) -> dict[str, tuple[str, int, str, int]]:
    """Return the replicas with reserved resources: name -> deployment, attempt, phase, fence."""
    columns = ("name", "generation__deployment_id", "attempt", "phase", "fence")
    rows = Replica.objects.filter(condition, is_reserved=True).values_list(*columns)
    return {name: (deployment_id, attempt, phase, fence) for name, deployment_id, attempt, phase, fence in rows}


def _hasten_unhealthy(down: Collection[str]) -> None:
    """Make deployments due whose servers were healthy and now fail the health checks of the gateway."""
    if not down:
        return
    silent = Deployment.objects.filter(
        next_reconcile_at__gt=timezone.now(),
        generations__replicas__in=Replica.objects.filter(name__in=down, is_reserved=True, phase=ReplicaPhase.HEALTHY),
    )
    Deployment.objects.filter(pk__in=list(silent.values_list("pk", flat=True))).update(
        next_reconcile_at=timezone.now()
    )


def _measure(connection: Connection, runtime: Runtime) -> None:
    """Measure the usage of servers whose pages are open."""
    for deployment_id in measurements.requested_ids(connection.pk):
        measurements.store_measurement(deployment_id, runtime.get(deployment_id, probe=False))


def _has_ended(replica: ReplicaStatus | None, attempt: int) -> bool:
    return replica is None or replica.attempt < attempt or replica.phase is ReplicaPhase.EXITED


def _collect_orphans(runtime: Runtime, unreserved: Sequence[ReplicaStatus]) -> None:
    """Stop orphaned servers of ours, and delete what is left of deleted deployments."""
    matches = {replica.name: OUR_NAME.match(replica.name) for replica in unreserved}
    ids = {match["deployment"] for match in matches.values() if match}
    known = set(Deployment.objects.filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
    for replica in unreserved:
        match = matches[replica.name]
        if match is None:
            continue
        if replica.phase is not ReplicaPhase.EXITED:
            if replica.phase is not ReplicaPhase.STOPPING:
                logger.warning("The server %s belongs to no deployment any more; stopping it.", replica.name)
                runtime.stop(replica.name, replica.attempt)
        elif match["deployment"] not in known:
            runtime.delete(replica.name)


def housekeeping() -> None:
    """Warn of deployments that end within the hour; delete expired sessions, links and grants."""
    now = timezone.now()
    ending = Deployment.objects.filter(expires_at__gt=now, expires_at__lte=now + WARN_BEFORE_END)
    warned = DeploymentEvent.objects.filter(reason=reasons.ENDS_SOON.code).values("deployment")
    for deployment in ending.exclude(pk__in=warned):
        with transaction.atomic():
            minutes = max(1, round((deployment.expires_at - now).total_seconds() / 60)) if deployment.expires_at else 0
            record_event(deployment, reasons.ENDS_SOON(minutes=minutes), severity=Severity.WARNING)
    Session.objects.filter(expire_date__lt=now).delete()
    SignInLink.objects.filter(expires_at__lt=now).delete()
    TokenGrant.objects.filter(expires_at__lt=now).delete()


def remove_unused_files(connection_id: int) -> None:
    """Remove downloads and builds of a connection that are not used any more."""
    connection = Connection.objects.filter(pk=connection_id).first()
    if connection is None:
        return
    sources = [(artifact.resource_group_id, artifact_source_of(artifact)) for artifact in Artifact.objects.iterator()]
    groups = list(ResourceGroup.objects.values_list("pk", flat=True))
    try:
        count = runtime_for(connection).remove_unused(groups, sources)
    except RuntimeUnavailable as error:
        logger.warning("Unused downloads of connection %s were not removed: %s", connection.name, error)
        return
    if count:
        logger.info("%d unused downloads and builds were removed.", count)
