"""The replicas of a deployment with what they were given and what they use right now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from deployments.errors import RuntimeUnavailable
from deployments.models import Deployment, Generation, Replica
from deployments.runtimes.base import ReplicaStatus, Resources
from deployments.runtimes.registry import runtime_for
from deployments.scheduling.server_specs import from_dict

MAX_SHOWN = 50  # replicas


@dataclass(frozen=True, kw_only=True)
class ReplicaUse:
    """A replica that holds resources.

    Args:
        cpu_percent: CPU in use in percent of one core, None while it is not known.
        memory_bytes: memory in use in bytes, None while it is not known.
        age: since its present attempt began, None while it is not known.
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
        """Memory in use in percent of what the plan grants."""
        if self.memory_bytes is None or not self.replica.memory_bytes:
            return None
        return round(100 * self.memory_bytes / self.replica.memory_bytes)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What the replicas of a deployment hold and use, all together.

    Args:
        uses: one for each replica that holds resources, those of the newest generation first.
        asked: sum of what they hold.
        is_measured: False while the runtime cannot be asked.
    """

    uses: Sequence[ReplicaUse]
    asked: Resources
    is_measured: bool

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
    """How many replicas a generation may have, and what each may use."""

    least: int
    most: int
    plan: str


def usage_of(deployment: Deployment) -> Usage:
    """Return what the replicas use now; the runtime is asked, the servers are not."""
    replicas = list(
        Replica.objects.filter(generation__deployment=deployment, is_reserved=True)
        .select_related("generation")
        .order_by("-generation__number", "number")[:MAX_SHOWN]
    )
    try:
        runtime = runtime_for(deployment.resource_group.connection)
        seen = {one.name: one for one in runtime.get(deployment.pk, probe=False)} if replicas else {}
        is_measured = True
    except RuntimeUnavailable:
        seen, is_measured = {}, False
    return Usage(
        uses=[_use(replica, seen.get(replica.name)) for replica in replicas],
        asked=Resources(
            cpu_millis=sum(replica.cpu_millis for replica in replicas),
            memory_bytes=sum(replica.memory_bytes for replica in replicas),
            gpus=sum(replica.gpus for replica in replicas),
        ),
        is_measured=is_measured,
    )


def _use(replica: Replica, seen: ReplicaStatus | None) -> ReplicaUse:
    if seen is None:
        return ReplicaUse(replica=replica)
    return ReplicaUse(
        replica=replica,
        cpu_percent=seen.cpu_percent,
        memory_bytes=seen.memory_bytes,
        age=timezone.now() - seen.started_at,
    )


def scale_of(generation: Generation | None) -> Scale | None:
    """Return what a generation's server spec says of its replicas, None before there is one."""
    if generation is None or not generation.server_spec:
        return None
    server_spec = from_dict(generation.server_spec)
    return Scale(least=server_spec.min_replicas, most=server_spec.max_replicas, plan=server_spec.resource_plan)
