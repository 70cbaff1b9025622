"""The replicas of a deployment with their reserved resources and their current usage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from deployments import measurements
from deployments.measurements import ReplicaUsage
from deployments.models import Attempt, Deployment, Generation, Replica
from deployments.queries.connection_health import is_old
from deployments.runtimes.base import Resources
from deployments.scheduling.server_specs import from_dict

MAX_SHOWN = 50  # replicas


@dataclass(frozen=True, kw_only=True)
class ReplicaUse:
    """A replica with reserved resources, and what it uses of them.

    Args:
        cpu_percent: CPU usage in percent of one core, None while it is not known.
        memory_bytes: memory usage in bytes, None while it is not known.
        age: since its current attempt began, None while it is not known.
    """

    replica: Replica
    cpu_percent: float | None = None
    memory_bytes: int | None = None
    age: timedelta | None = None

    @property
    def cores(self) -> float | None:
        return None if self.cpu_percent is None else self.cpu_percent / 100

    @property
    def memory_share(self) -> int | None:
        """Memory usage in percent of its resource plan."""
        if self.memory_bytes is None or not self.replica.memory_bytes:
            return None
        return round(100 * self.memory_bytes / self.replica.memory_bytes)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The reserved resources and the usage of all replicas of a deployment.

    Args:
        uses: one for each replica with reserved resources, those of the newest generation first.
        reserved: the sum of their reserved resources.
        measured_at: when the usage was measured, None before the first measurement.
    """

    uses: Sequence[ReplicaUse]
    reserved: Resources
    measured_at: datetime | None

    @property
    def is_awaited(self) -> bool:
        """Whether the first measurement is under way."""
        return bool(self.uses) and self.measured_at is None

    @property
    def is_old(self) -> bool:
        """Whether it should be shown with its age."""
        return is_old(self.measured_at)

    @property
    def cores(self) -> float | None:
        known = [use.cores for use in self.uses if use.cores is not None]
        return sum(known) if known else None

    @property
    def memory_bytes(self) -> int | None:
        known = [use.memory_bytes for use in self.uses if use.memory_bytes is not None]
        return sum(known) if known else None


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The limits of a generation's replicas, and the resource plan of each."""

    min_replicas: int
    max_replicas: int
    plan: str


def get_usage(deployment: Deployment) -> Usage:
    """Return the last measured usage of the replicas, and request a new measurement."""
    replicas = list(
        Replica.objects.filter(generation__deployment=deployment, is_reserved=True)
        .select_related("generation")
        .order_by("-generation__number", "number")[:MAX_SHOWN]
    )
    connection_id = deployment.resource_group.connection_id
    measured = measurements.request_measurement(connection_id, deployment.pk) if replicas else None
    begun = Attempt.objects.filter(replica__in=[replica.pk for replica in replicas], number=F("replica__attempt"))
    began_at = dict(begun.values_list("replica", "started_at"))
    usage = measured.replicas if measured else {}
    return Usage(
        uses=[_use(replica, usage.get(replica.name), began_at.get(replica.pk)) for replica in replicas],
        reserved=Resources(
            cpu_millis=sum(replica.cpu_millis for replica in replicas),
            memory_bytes=sum(replica.memory_bytes for replica in replicas),
            gpus=sum(replica.gpus for replica in replicas),
        ),
        measured_at=measured.at if measured else None,
    )


def _use(replica: Replica, used: ReplicaUsage | None, began_at: datetime | None) -> ReplicaUse:
    return ReplicaUse(
        replica=replica,
        cpu_percent=used.cpu_percent if used else None,
        memory_bytes=used.memory_bytes if used else None,
        age=timezone.now() - began_at if began_at else None,
    )


def scale_of(generation: Generation | None) -> Scale | None:
    """Return the scale in a generation's server spec, None before it has one."""
    if generation is None or not generation.server_spec:
        return None
    server_spec = from_dict(generation.server_spec)
    return Scale(
        min_replicas=server_spec.min_replicas, max_replicas=server_spec.max_replicas, plan=server_spec.resource_plan
    )
