"""Whether this machine can run what a template describes, and what it would run differently than a cluster does."""

from __future__ import annotations

from collections.abc import Sequence

from deployments.messages import Message
from deployments.runtimes.local import messages
from deployments.runtimes.messages import NOTHING_TO_RUN
from deployments.serving_template.schema import ServerTemplate


def check(name: str, server: ServerTemplate) -> Message | None:
    """Return why a template cannot be run here, None when it can."""
    if server.command:
        return None
    return Message(messages.IMAGE_NOT_RUN if server.image else NOTHING_TO_RUN, {"name": name})


def warnings(name: str, server: ServerTemplate) -> Sequence[Message]:
    """Return what will be different here, for whoever imports a template."""
    differences = []
    if server.image and server.command:
        differences.append(Message(messages.IMAGE_LEFT_OUT, {"name": name}))
    if parts := [part for part, value in _of_containers(server) if value]:
        differences.append(Message(messages.CONTAINER_PARTS_LEFT_OUT, {"name": name, "parts": ", ".join(parts)}))
    return differences


def _of_containers(server: ServerTemplate) -> tuple[tuple[str, object], ...]:
    """Return the parts that only containers have, by their names in a template."""
    return (
        ("volumeMounts", server.mounts),
        ("workingDir", server.working_dir),
        ("readOnlyRootFilesystem", server.read_only_root),
    )
