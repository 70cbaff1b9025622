"""The kind of connections that lead to a container engine, for the registry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy

from deployments.errors import RuntimeUnavailable
from deployments.messages import Message
from deployments.runtimes.base import Owner
from deployments.runtimes.containers import messages
from deployments.runtimes.containers.client import EngineClient
from deployments.runtimes.containers.driver import ContainerRuntime
from deployments.runtimes.containers.messages import SENTENCES
from deployments.runtimes.containers.options import OPTION_FIELDS, check_options, read_options
from deployments.runtimes.containers.report import address, offers, test
from deployments.runtimes.kind import Capabilities, Driver
from deployments.serving_template.modules import names_package
from deployments.serving_template.schema import ServerTemplate


def open_runtime(owner: Owner, options: Mapping[str, Any], secrets: Mapping[str, str]) -> ContainerRuntime:
    """Return the runtime of a connection; the engine is asked when it is first used.

    Raises:
        RuntimeUnavailable: the options cannot be used.
    """
    try:
        chosen = read_options(options)
    except ValueError as error:
        raise RuntimeUnavailable(Message(messages.OPTIONS_UNUSABLE, {"error": str(error)})) from error
    home = Path(settings.LAUNCHPAD_HOME).resolve() / "containers"
    return ContainerRuntime(owner, chosen, EngineClient(chosen.address, secrets), home)


def check(name: str, server: ServerTemplate) -> Message | None:
    """Return why an engine cannot run what a template describes, None when it can."""
    if server.image or any("{{" in line for line in server.requirements):
        return None  # what a configuration requires is known when there is one
    if names_package(server.requirements):
        return None
    return Message(messages.NO_IMAGE, {"name": name})


DRIVER = Driver(
    kind="containers",
    label=gettext_lazy("Containers"),
    capabilities=Capabilities(images=True),
    open=open_runtime,
    check_options=check_options,
    option_fields=OPTION_FIELDS,
    test=test,
    address=address,
    offers=offers,
    check=check,
    sentences=SENTENCES,
)
