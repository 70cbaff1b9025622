"""What a connection to a container engine may say of itself."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.runtimes.base import OptionField, OptionType
from deployments.runtimes.options import resource_fields
from launchpad.version import MODEL_SERVERS_IMAGE

DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
REMOTE_SOCKET = "/var/run/docker.sock"  # of an engine that is reached by SSH
PUBLISHED, HOST_NETWORK = "published", "host"
ALWAYS, IF_NOT_PRESENT, NEVER = "always", "if-not-present", "never"
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?\Z")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]*\Z")
_SSH_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_NUMBERS = ("cpu", "memory_gb", "gpus")

OPTION_FIELDS = (
    OptionField(
        name="address",
        label=gettext_lazy("Engine address"),
        help=gettext_lazy("unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host"),
        default=DEFAULT_ADDRESS,
        required=True,
    ),
    OptionField(
        name="ca",
        label=gettext_lazy("Engine CA"),
        help=gettext_lazy("PEM, of those who signed the certificate of a tcp:// engine."),
        type=OptionType.SECRET,
        is_multiline=True,
    ),
    OptionField(
        name="cert",
        label=gettext_lazy("Client certificate"),
        help=gettext_lazy("PEM, by which a tcp:// engine knows us."),
        type=OptionType.SECRET,
        is_multiline=True,
    ),
    OptionField(name="key", label=gettext_lazy("Client key"), type=OptionType.SECRET, is_multiline=True),
    *resource_fields(
        memory=gettext_lazy("What deployments may use of the engine. Empty: all that it has."),
        cpu=gettext_lazy("Empty: all that it has."),
        gpus=gettext_lazy("NVIDIA GPUs 0, 1, ... of the engine. Empty: those that the engine tells of."),
    ),
    OptionField(
        name="network",
        label=gettext_lazy("Network"),
        type=OptionType.CHOICE,
        default=PUBLISHED,
        choices=(
            (PUBLISHED, gettext_lazy("each container its own, one port published")),
            (HOST_NETWORK, gettext_lazy("the engine's host network")),
        ),
    ),
    OptionField(
        name="pull_policy",
        label=gettext_lazy("Pull images"),
        type=OptionType.CHOICE,
        default=IF_NOT_PRESENT,
        choices=(
            (ALWAYS, gettext_lazy("at each start")),
            (IF_NOT_PRESENT, gettext_lazy("when they are not there")),
            (NEVER, gettext_lazy("never")),
        ),
    ),
    OptionField(
        name="allowed_images",
        label=gettext_lazy("Allowed images"),
        help=gettext_lazy("What image names may begin with, one a line, e.g. registry.example/team/. Empty: all."),
        type=OptionType.LIST,
    ),
    OptionField(
        name="user",
        label=gettext_lazy("User"),
        help=gettext_lazy("Number or name that containers run as, e.g. 1000:1000. Empty: that of their image."),
    ),
    OptionField(
        name="model_servers_image",
        label=gettext_lazy("Image of the model servers"),
        # Not the default of the form: a connection would keep that of an older version.
        help=gettext_lazy("For the templates that come with Launchpad. Empty: the one that `make image` builds."),
    ),
)
_SECRETS = {field.name for field in OPTION_FIELDS if field.type is OptionType.SECRET}


@dataclass(frozen=True, kw_only=True)
class ContainerOptions:
    """The options of a connection; None for numbers is all that the engine has.

    Args:
        address: `unix://`, `tcp://` or `ssh://`.
        allowed_images: what names of images may begin with; empty for all.
    """

    address: str = DEFAULT_ADDRESS
    memory_gb: float | None = None
    cpu: float | None = None
    gpus: int | None = None
    network: str = PUBLISHED
    pull_policy: str = IF_NOT_PRESENT
    allowed_images: tuple[str, ...] = ()
    user: str = ""
    model_servers_image: str = MODEL_SERVERS_IMAGE

    @property
    def host(self) -> str:
        """The engine's host, `""` for this machine."""
        return urlsplit(self.address).hostname or ""


def read_options(options: Mapping[str, Any]) -> ContainerOptions:
    """Return the options of a row.

    Raises:
        ValueError: they cannot be used; the message is one sentence.
    """
    if problem := check_options(options, ()):
        raise ValueError(problem)
    values = {name: value for name, value in options.items() if value not in (None, "", [])}
    if "allowed_images" in values:
        values["allowed_images"] = tuple(values["allowed_images"])
    return ContainerOptions(**values)


def check_options(options: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    """Return what is wrong with options, one sentence; `""` for nothing."""
    if not isinstance(options, Mapping):
        return _('Options are an object, e.g. {"address": "unix:///var/run/docker.sock"}.')
    fields = {field.name: field for field in OPTION_FIELDS if field.name not in _SECRETS}
    for name, value in options.items():
        if name not in fields:
            return _("There is no option %(name)s here. A connection to containers has: %(names)s.") % {
                "name": name,
                "names": ", ".join(fields),
            }
        if value in (None, "", []):
            continue
        if problem := _problem(fields[name], value):
            return problem
    return _address_problem(str(options.get("address") or DEFAULT_ADDRESS))


def _problem(field: OptionField, value: Any) -> str:
    values = {"name": field.name, "value": value}
    if field.name in _NUMBERS:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
        if not is_number or (field.is_whole and value % 1):
            return _("%(name)s is %(value)s: write a number from 0 on, for gpus a whole one.") % values
    elif field.choices:
        choices = [choice for choice, _label in field.choices]
        if value not in choices:
            return _("%(name)s is %(value)s: choose %(choices)s.") % {**values, "choices": ", ".join(choices)}
    elif field.type is OptionType.LIST:
        if not isinstance(value, list | tuple) or not all(isinstance(text, str) and text.strip() for text in value):
            return _("%(name)s is a list of texts, none of them empty.") % values
    elif not isinstance(value, str):
        return _("%(name)s is %(value)s: write a text.") % values
    elif field.name == "user" and not _USER.match(value):
        return _("%(value)s is no user: write a number or a name, with a group if need be, e.g. 1000:1000.") % values
    return ""


def _address_problem(address: str) -> str:
    sentence = _(
        "%(address)s is no address of an engine: write unix:///path/of/socket, tcp://host:port or ssh://user@host."
    ) % {"address": address}
    try:
        parts = urlsplit(address)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return sentence
    if parts.query or parts.fragment or parts.password or any(char.isspace() for char in address):
        return sentence
    if parts.scheme == "unix":
        return "" if not parts.netloc and parts.path.startswith("/") else sentence
    if parts.scheme == "tcp":
        return "" if _HOST.match(host) and port and not parts.username and parts.path in ("", "/") else sentence
    if parts.scheme == "ssh":
        user = parts.username
        return "" if _HOST.match(host) and (user is None or _SSH_USER.match(user)) else sentence
    return sentence
