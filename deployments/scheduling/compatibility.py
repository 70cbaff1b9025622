"""Whether a connection can run what a template describes: its driver is asked, and nothing else knows what it is."""

from __future__ import annotations

from deployments.errors import RuntimeUnavailable
from deployments.messages import render
from deployments.models import Connection
from deployments.runtimes.registry import driver_of
from deployments.serving_template import ServingTemplate


def problem_on(connection: Connection, template: ServingTemplate) -> str:
    """Return why a connection cannot run what a template describes, in one sentence; `""` when it can."""
    try:
        return render(connection.driver.check(template.name, template.server))
    except RuntimeUnavailable as error:
        return str(error)


def warnings_of(template: ServingTemplate) -> list[str]:
    """Return what will not work, or work differently, on the kinds of connections that there are."""
    kinds = Connection.objects.order_by("kind").values_list("kind", flat=True).distinct()
    sentences: list[str] = []
    for kind in kinds:
        try:
            driver = driver_of(kind)
        except RuntimeUnavailable:
            continue  # the connection's own page says so
        problem = driver.check(template.name, template.server)
        found = [*([problem] if problem else []), *driver.warnings(template.name, template.server)]
        sentences += [render(message) for message in found]
    return sentences
