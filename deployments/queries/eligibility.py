"""Whether something fits: what a configuration needs, what its connection has left, and who holds the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Count, Sum
from django.utils.translation import gettext as _

from deployments.errors import LaunchpadError, RuntimeUnavailable
from deployments.messages import Message, render
from deployments.models import Configuration, Connection, Replica, ResourceGroup, ResourcePlan
from deployments.queries.connection_health import ConnectionHealth, health_of
from deployments.runtimes.base import Resources
from deployments.scheduling.compatibility import problem_on
from deployments.scheduling.placement import Capacity, fits_never, missing, room
from deployments.scheduling.server_specs import server_spec_of

HOLDERS_SHOWN = 5
_NOTHING = Resources(cpu_millis=0, memory_bytes=0)


@dataclass(frozen=True, kw_only=True)
class ResourceRequest:
    """What the servers of a configuration take, all replicas together.

    Args:
        plan: name of the resource plan.
        each: of one replica.
        problem: why it cannot run at all, `""` when it can; the rest is then meaningless.
    """

    plan: str = ""
    replicas: int = 0
    each: Resources = _NOTHING
    problem: str = ""

    @property
    def total(self) -> Resources:
        return self.each.times(self.replicas)

    @property
    def words(self) -> str:
        return in_words(self.total)

    @property
    def each_in_words(self) -> str:
        return in_words(self.each)


@dataclass(frozen=True, kw_only=True)
class PlacementCheck:
    """What is needed and what there is.

    Args:
        room: None until the connection has answered once.
        health: how old that is.
        missing: what is short, in numbers; None when it fits or cannot be told.
    """

    need: ResourceRequest
    room: Capacity | None
    missing: Message | None = None
    health: ConnectionHealth = field(default_factory=ConnectionHealth)

    @property
    def fits(self) -> bool:
        return self.room is not None and not self.missing and not self.need.problem

    @property
    def can_never_fit(self) -> bool:
        """Whether it needs more than there is in all, so that creating it is refused."""
        return self.room is not None and not self.need.problem and fits_never(self.need.total, self.room.total)

    @property
    def free_in_words(self) -> str:
        return in_words(self.room.free) if self.room else ""

    @property
    def shortage(self) -> str:
        """What is short as a sentence of its own in the reader's language, `""` when nothing is."""
        if self.missing is None:
            return ""
        text = "; ".join(map(render, self.missing.params["short"]))
        text = f"{text[:1].upper()}{text[1:]}."
        advice = _("It can never fit here: choose a smaller plan.")
        return f"{text} {advice}" if self.can_never_fit else text


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A deployment that holds resources, all its replicas together."""

    deployment_id: str
    group_id: str
    configuration: str
    replicas: int
    held: Resources

    @property
    def words(self) -> str:
        return in_words(self.held)


def in_words(resources: Resources) -> str:
    """Return an amount for people: "0.25 CPU, 512 MB", "4 CPU, 16 GB, 1 GPU" (1 GB = 10^9 bytes)."""
    in_gb = resources.memory_bytes >= 1e9
    memory = (resources.memory_bytes / 1e9, "GB") if in_gb else (resources.memory_bytes / 1e6, "MB")
    parts = [(resources.cpu_millis / 1000, "CPU"), memory]
    parts += [(resources.gpus, "GPU")] if resources.gpus else []
    return ", ".join(f"{amount:.2f}".rstrip("0").rstrip(".") + f" {unit}" for amount, unit in parts)


def fit(configuration: Configuration, group: ResourceGroup) -> PlacementCheck:
    """Return whether a deployment of a configuration would be placed at once, in four queries."""
    need = resource_request_of(configuration, group.connection)
    there = room_of(group.connection)
    short = None if there is None or need.problem else missing(need.total, there)
    return PlacementCheck(need=need, room=there, missing=short, health=health_of(group.connection))


def resource_request_of(configuration: Configuration, connection: Connection) -> ResourceRequest:
    """Return what a configuration needs on a connection, or the sentence that says why it cannot run there."""
    if problem := problem_on(connection, configuration.executable.template):
        return ResourceRequest(problem=problem)
    try:
        server_spec = server_spec_of(configuration)
    except LaunchpadError as error:
        return ResourceRequest(problem=str(error))
    plan = ResourcePlan.objects.filter(pk=server_spec.resource_plan).first()
    if plan is None:
        unknown = _("It names the resource plan %(resource_plan)s, which does not exist.")
        return ResourceRequest(problem=unknown % {"resource_plan": server_spec.resource_plan})
    return ResourceRequest(plan=plan.pk, replicas=server_spec.min_replicas, each=plan.resources)


def room_of(connection: Connection) -> Capacity | None:
    """Return what a connection has in all and what is held of it, None until it has answered once."""
    try:
        return room(connection)
    except RuntimeUnavailable:
        return None


def holders(connection: Connection) -> Sequence[Holder]:
    """Return the deployments that hold most memory of a connection, the largest first."""
    rows = (
        Replica.objects.filter(is_reserved=True, generation__deployment__resource_group__connection=connection)
        .order_by()
        .values_list(
            "generation__deployment",
            "generation__deployment__resource_group",
            "generation__deployment__configuration__name",
        )
        .annotate(replicas=Count("pk"), cpu=Sum("cpu_millis"), memory=Sum("memory_bytes"), gpu=Sum("gpus"))
        .order_by("-memory", "generation__deployment")[:HOLDERS_SHOWN]
    )
    return [
        Holder(
            deployment_id=pk,
            group_id=group,
            configuration=name,
            replicas=replicas,
            held=Resources(cpu_millis=cpu, memory_bytes=memory, gpus=gpus),
        )
        for pk, group, name, replicas, cpu, memory, gpus in rows
    ]
