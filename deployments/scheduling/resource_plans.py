"""The resource plan of a template that names amounts (`resources` of its container) instead of a plan."""

from __future__ import annotations

from django.utils.translation import gettext as _

from deployments import reasons
from deployments.errors import InvalidInput
from deployments.messages import render
from deployments.models import ResourcePlan
from deployments.serving_template import Amounts


def smallest_plan(amounts: Amounts) -> ResourcePlan:
    """Return the smallest resource plan that has what a container asks for: the fewest GPUs, then the least memory.

    Raises:
        InvalidInput: no plan has so much.
    """
    plan = (
        ResourcePlan.objects.filter(
            cpu_millis__gte=amounts.cpu_millis, memory_bytes__gte=amounts.memory_bytes, gpus__gte=amounts.gpus
        )
        .order_by("gpus", "memory_bytes", "cpu_millis", "pk")
        .first()
    )
    if plan is None:
        requested = [
            reasons.CPU_AMOUNT(amount_millis=amounts.cpu_millis) if amounts.cpu_millis else None,
            reasons.MEMORY_AMOUNT(amount_bytes=amounts.memory_bytes) if amounts.memory_bytes else None,
            reasons.GPU_AMOUNT(amount=amounts.gpus) if amounts.gpus else None,
        ]
        sentence = _("Its container asks for %(amounts)s, which no resource plan has; there are: %(plans)s.") % {
            "amounts": ", ".join(render(amount) for amount in requested if amount),
            "plans": ", ".join(ResourcePlan.objects.values_list("pk", flat=True)),
        }
        raise InvalidInput({"": sentence})
    return plan
