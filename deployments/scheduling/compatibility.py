"""Whether a connection can run a template, according to its driver."""

from __future__ import annotations

from deployments.errors import RuntimeUnavailable
from deployments.messages import render
from deployments.models import Connection
from deployments.runtimes.registry import driver_of
from deployments.serving_template import ServingTemplate


def problem_on(connection: Connection, template: ServingTemplate) -> str:
    """Return why a connection cannot run a template, in one sentence; `""` when it can."""
    try:
        driver = connection.driver
        if driver.capabilities.images and template.server.unsupported:
            return " ".join(template.server.unsupported)  # imported by a version that accepted it
        return render(driver.check(template.name, template.server))
    except RuntimeUnavailable as error:
        return str(error)


def warnings_of(template: ServingTemplate) -> list[str]:
    """Return what will not work, or will work differently, on the existing kinds of connections."""
    kinds = Connection.objects.order_by("kind").values_list("kind", flat=True).distinct()
    sentences: list[str] = []
    for kind in kinds:
        try:
            driver = driver_of(kind)
        except RuntimeUnavailable:
            continue  # the connection's own page reports it
        problem = driver.check(template.name, template.server)
        problems = [*([problem] if problem else []), *driver.warnings(template.name, template.server)]
        sentences += [render(message) for message in problems]
    return sentences
