"""Capacity: what a configuration requests, what is free on its connection, and which deployments use the rest."""

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
from deployments.scheduling.capacity import NOTHING, Capacity, NodeCapacity, never_fits, shortfall_of
from deployments.scheduling.compatibility import problem_on
from deployments.scheduling.placement import load_capacity
from deployments.scheduling.server_specs import server_spec_of

MAX_HOLDERS = 5


@dataclass(frozen=True, kw_only=True)
class ResourceRequest:
    """The resources that the replicas of a configuration request.

    Args:
        plan: name of the resource plan.
        each: the request of one replica.
        problem: why it cannot run at all, `""` when it can. With a problem the other fields have no meaning.
    """

    plan: str = ""
    replicas: int = 0
    each: Resources = NOTHING
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
    """Whether a request can be scheduled on a connection now.

    Args:
        capacity: None until the connection has responded once.
        health: how recent the capacity is.
        shortfall: what is missing, in numbers; None when nothing is, or the capacity is not known.
    """

    request: ResourceRequest
    capacity: Capacity | None
    shortfall: Message | None = None
    health: ConnectionHealth = field(default_factory=ConnectionHealth)

    @property
    def fits(self) -> bool:
        return self.capacity is not None and not self.shortfall and not self.request.problem

    @property
    def can_never_fit(self) -> bool:
        """Whether the request exceeds the total capacity, so that creating it is refused."""
        return (
            self.capacity is not None
            and not self.request.problem
            and never_fits(self.request.each, self.request.replicas, self.capacity)
        )

    @property
    def free_in_words(self) -> str:
        return in_words(self.capacity.free) if self.capacity else ""

    @property
    def shortage(self) -> str:
        """The shortfall as a sentence in the reader's language, `""` when there is none."""
        if self.shortfall is None:
            return ""
        text = "; ".join(map(render, self.shortfall.params["short"]))
        text = f"{text[:1].upper()}{text[1:]}."
        remediation = _("It can never fit here: choose a smaller plan.")
        return f"{text} {remediation}" if self.can_never_fit else text


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A deployment with reserved resources, summed over its replicas."""

    deployment_id: str
    group_id: str
    configuration: str
    replicas: int
    reserved: Resources

    @property
    def words(self) -> str:
        return in_words(self.reserved)


def in_words(resources: Resources) -> str:
    """Format resources for people: "0.25 CPU, 512 MB", "4 CPU, 16 GB, 1 GPU" (1 GB = 10^9 bytes)."""
    in_gb = resources.memory_bytes >= 1e9
    memory = (resources.memory_bytes / 1e9, "GB") if in_gb else (resources.memory_bytes / 1e6, "MB")
    parts = [(resources.cpu_millis / 1000, "CPU"), memory]
    parts += [(resources.gpus, "GPU")] if resources.gpus else []
    return ", ".join(f"{amount:.2f}".rstrip("0").rstrip(".") + f" {unit}" for amount, unit in parts)


def check_placement(configuration: Configuration, group: ResourceGroup) -> PlacementCheck:
    """Return whether a deployment of a configuration could be scheduled at once, in four queries."""
    request = resource_request_of(configuration, group.connection)
    capacity = None if _schedules_itself(group.connection) else capacity_of(group.connection)
    known = None if request.problem else capacity
    shortfall = shortfall_of(request.each, request.replicas, known) if known else None
    return PlacementCheck(request=request, capacity=capacity, shortfall=shortfall, health=health_of(group.connection))


def _schedules_itself(connection: Connection) -> bool:
    """Whether the runtime alone knows what fits; nothing is known of one whose driver is missing."""
    try:
        return connection.driver.capabilities.schedules_itself
    except RuntimeUnavailable:
        return False


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


def capacity_of(connection: Connection) -> Capacity | None:
    """Return the capacity of a connection and what is reserved of it, None until it has responded once."""
    try:
        return load_capacity(connection)
    except RuntimeUnavailable:
        return None


def several_nodes(connection: Connection, capacity: Capacity | None) -> Sequence[NodeCapacity]:
    """Return the nodes of a connection if we place replicas on several of them (or have done so), else none."""
    if capacity is None or _schedules_itself(connection):
        return []
    return capacity.nodes if len(capacity.nodes) > 1 or capacity.elsewhere != NOTHING else []


def holders(connection: Connection) -> Sequence[Holder]:
    """Return the deployments with the most reserved memory on a connection, the largest first."""
    rows = (
        Replica.objects.filter(is_reserved=True, generation__deployment__resource_group__connection=connection)
        .order_by()
        .values_list(
            "generation__deployment",
            "generation__deployment__resource_group",
            "generation__deployment__configuration__name",
        )
        .annotate(replicas=Count("pk"), cpu=Sum("cpu_millis"), memory=Sum("memory_bytes"), gpu=Sum("gpus"))
        .order_by("-memory", "generation__deployment")[:MAX_HOLDERS]
    )
    return [
        Holder(
            deployment_id=pk,
            group_id=group,
            configuration=name,
            replicas=replicas,
            reserved=Resources(cpu_millis=cpu, memory_bytes=memory, gpus=gpus),
        )
        for pk, group, name, replicas, cpu, memory, gpus in rows
    ]
