"""Refuses what can never be scheduled: it would only wait until its deadline, an hour by default."""

from django.utils.translation import gettext as _

from deployments import reasons
from deployments.errors import InvalidInput
from deployments.messages import render
from deployments.models import Connection, ConnectionStatus, Deployment, Replica
from deployments.runtimes.base import Resources
from deployments.scheduling.capacity import Capacity, capacity_of, fits, missing, never_fits
from deployments.scheduling.placement import reserved_by_node, schedules_itself


def refuse_if_never_schedulable(
    connection: Connection, each: Resources, replicas: int, *, deployment: Deployment | None = None
) -> None:
    """Refuse servers that need more than a connection has: in all, or on any node of its own.

    Args:
        each: the request of one replica.
        replicas: how many replicas there are to be.
        deployment: the one that is updated to them. Its current servers keep their resources until the update is over.

    Raises:
        InvalidInput: "configuration" -> the shortfall in numbers. Nothing is refused while the nodes are not known:
            the reconciler then reports what it waits for.
    """
    status = ConnectionStatus.objects.filter(pk=connection.pk).first()
    if status is None or not status.nodes or schedules_itself(connection):
        return
    empty = capacity_of(status.nodes, {})
    if never_fits(each, replicas, empty):
        raise InvalidInput({"configuration": _never(each, replicas, empty, connection)})
    if deployment is None or (number := deployment.serving_generation) is None:
        return
    rows = Replica.objects.filter(is_reserved=True, generation__deployment=deployment, generation__number=number)
    serving = empty.with_reserved(reserved_by_node(rows))
    if not fits(each, replicas, serving):
        remediation = _(
            "The servers that run now keep theirs until the new ones have taken over: stop the deployment first."
        )
        raise InvalidInput({"configuration": f"{_never(each, replicas, serving, connection)} {remediation}"})


def _never(each: Resources, replicas: int, capacity: Capacity, connection: Connection) -> str:
    """Return why replicas never fit beside what is reserved for the deployment already."""
    if len(capacity.nodes) > 1:
        return _(
            "It can never run on the nodes of the connection %(connection)s: %(short)s. "
            "Choose a configuration with a smaller resource plan or fewer replicas."
        ) % {"short": "; ".join(map(render, missing(each, replicas, capacity))), "connection": connection.name}
    requested, available = _excess(each.times(replicas).plus(capacity.reserved), capacity.total)
    return _(
        "It can never run here: it needs %(needs)s, and the connection %(connection)s has %(total)s in all. "
        "Choose a configuration with a smaller resource plan or fewer replicas."
    ) % {"needs": ", ".join(requested), "total": ", ".join(available), "connection": connection.name}


def _excess(needs: Resources, total: Resources) -> tuple[list[str], list[str]]:
    """Return the amounts that exceed the total, in words: the requested ones, and the totals."""
    amounts = (
        (reasons.MEMORY_AMOUNT, "amount_bytes", needs.memory_bytes, total.memory_bytes),
        (reasons.CPU_AMOUNT, "amount_millis", needs.cpu_millis, total.cpu_millis),
        (reasons.GPU_AMOUNT, "amount", needs.gpus, total.gpus),
    )
    short = [
        (render(reason(**{name: need})), render(reason(**{name: there})))
        for reason, name, need, there in amounts
        if need > there
    ]
    return [need for need, _ in short], [there for _, there in short]
