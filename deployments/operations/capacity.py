"""Refuses what can never be scheduled: it would only wait until its deadline, an hour by default."""

from django.db.models import Sum
from django.utils.translation import gettext as _

from deployments.errors import InvalidInput
from deployments.messages import render
from deployments.models import Connection, ConnectionStatus, Deployment, Replica
from deployments.runtimes.base import Resources
from deployments.scheduling.placement import fits_never, schedules_itself, shortfalls


def refuse_if_never_schedulable(
    connection: Connection, needs: Resources, *, deployment: Deployment | None = None
) -> None:
    """Refuse servers that need more than the total capacity of a connection.

    Args:
        needs: the request of all replicas together.
        deployment: the one that is updated to them. Its current servers keep their resources until the update is over.

    Raises:
        InvalidInput: "configuration" -> the shortfall in numbers. Nothing is refused while the capacity is not
            known: the reconciler then reports what it waits for.
    """
    status = ConnectionStatus.objects.filter(pk=connection.pk).first()
    if status is None or (total := status.capacity) is None or schedules_itself(connection):
        return
    if fits_never(needs, total):
        raise InvalidInput({"configuration": _never(needs, total, connection)})
    serving = _reserved_by_serving(deployment) if deployment is not None else None
    if serving is not None and fits_never(needs.plus(serving), total):
        remediation = _(
            "The servers that run now keep theirs until the new ones have taken over: stop the deployment first."
        )
        raise InvalidInput({"configuration": f"{_never(needs.plus(serving), total, connection)} {remediation}"})


def _never(needs: Resources, total: Resources, connection: Connection) -> str:
    requested, available = shortfalls(needs, total)
    return _(
        "It can never run here: it needs %(needs)s, and the connection %(connection)s has %(total)s in all. "
        "Choose a configuration with a smaller resource plan or fewer replicas."
    ) % {
        "needs": ", ".join(map(render, requested)),
        "total": ", ".join(map(render, available)),
        "connection": connection.name,
    }


def _reserved_by_serving(deployment: Deployment) -> Resources | None:
    """Return the resources of the serving generation, None when there is none."""
    if deployment.serving_generation is None:
        return None
    reserved = Replica.objects.filter(
        is_reserved=True, generation__deployment=deployment, generation__number=deployment.serving_generation
    ).aggregate(cpu=Sum("cpu_millis", default=0), memory=Sum("memory_bytes", default=0), gpus=Sum("gpus", default=0))
    return Resources(cpu_millis=reserved["cpu"], memory_bytes=reserved["memory"], gpus=reserved["gpus"])
