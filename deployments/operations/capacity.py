"""Refusing what can never be placed: it would wait for an hour and be given up then."""

from django.db.models import Sum
from django.utils.translation import gettext as _

from deployments.errors import InvalidInput
from deployments.messages import render
from deployments.models import Connection, ConnectionStatus, Deployment, Replica
from deployments.runtimes.base import Resources
from deployments.scheduling.placement import fits_never, shortfalls


def refuse_what_never_fits(connection: Connection, needs: Resources, *, deployment: Deployment | None = None) -> None:
    """Refuse servers that need more than a connection has in all.

    Args:
        needs: of all replicas together.
        deployment: the one that is updated to them: what serves now keeps what it holds until they have taken over.

    Raises:
        InvalidInput: "configuration" -> what is too much, in numbers. Nothing is refused while the capacity is not
            known: the loop says then what it waits for.
    """
    status = ConnectionStatus.objects.filter(pk=connection.pk).first()
    if status is None or (total := status.capacity) is None:
        return
    if fits_never(needs, total):
        raise InvalidInput({"configuration": _never(needs, total, connection)})
    serving = _held_while_updating(deployment) if deployment is not None else None
    if serving is not None and fits_never(needs.plus(serving), total):
        advice = _(
            "The servers that run now keep theirs until the new ones have taken over: stop the deployment first."
        )
        raise InvalidInput({"configuration": f"{_never(needs.plus(serving), total, connection)} {advice}"})


def _never(needs: Resources, total: Resources, connection: Connection) -> str:
    wanted, there = shortfalls(needs, total)
    return _(
        "It can never run here: it needs %(needs)s, and the connection %(connection)s has %(total)s in all. "
        "Choose a configuration with a smaller resource plan or fewer replicas."
    ) % {
        "needs": ", ".join(map(render, wanted)),
        "total": ", ".join(map(render, there)),
        "connection": connection.name,
    }


def _held_while_updating(deployment: Deployment) -> Resources | None:
    """Return what the generation that serves holds, None when none does."""
    if deployment.serving_generation is None:
        return None
    held = Replica.objects.filter(
        is_reserved=True, generation__deployment=deployment, generation__number=deployment.serving_generation
    ).aggregate(cpu=Sum("cpu_millis", default=0), memory=Sum("memory_bytes", default=0), gpus=Sum("gpus", default=0))
    return Resources(cpu_millis=held["cpu"], memory_bytes=held["memory"], gpus=held["gpus"])
