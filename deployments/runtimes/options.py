"""What a kind of runtime says of its connections: their options, what a test finds, what could be connected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from django.utils.translation import gettext_lazy

from deployments.messages import Message

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

TEST_SECONDS = 10.0  # how long the test of a connection may take


class OptionType(StrEnum):
    """What is entered for an option, and what is stored for it.

    TEXT: a text. NUMBER: an int or a float. CHOICE: the value of one of its choices. LIST: a list of texts, one a
    line. SECRET: a text that is stored encrypted among the secrets of the connection and never shown again.
    """

    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    LIST = "list"
    SECRET = "secret"  # noqa: S105  a type


@dataclass(frozen=True, kw_only=True)
class OptionField:
    """One option of a connection; the form of a kind is made of these, in their order.

    Args:
        name: its key among the options, or among the secrets for a SECRET. Stored, so it never changes.
        label: for people, marked for translators (`gettext_lazy`), as is `help`.
        help: what to enter, with an example or what an empty field means.
        default: what a new connection begins with. An option that is left empty is not stored.
        required: it may not be left empty.
        choices: value and label of each choice of a CHOICE.
        minimum: the least NUMBER.
        is_whole: a NUMBER without decimals.
        is_multiline: a TEXT or SECRET of several lines, e.g. a certificate.
    """

    name: str
    label: StrPromise | str
    help: StrPromise | str = ""
    type: OptionType = OptionType.TEXT
    default: Any = None
    required: bool = False
    choices: tuple[tuple[str, StrPromise | str], ...] = ()
    minimum: float | None = None
    is_whole: bool = False
    is_multiline: bool = False


def resource_fields(
    memory: StrPromise | str, cpu: StrPromise | str, gpus: StrPromise | str = ""
) -> tuple[OptionField, ...]:
    """Return the options that say how much of what it has a connection may use, given the help of each."""
    number = OptionType.NUMBER
    return (
        OptionField(name="memory_gb", label=gettext_lazy("Memory (GB)"), help=memory, type=number, minimum=0),
        OptionField(name="cpu", label=gettext_lazy("CPU (cores)"), help=cpu, type=number, minimum=0),
        OptionField(name="gpus", label=gettext_lazy("GPUs"), help=gpus, type=number, minimum=0, is_whole=True),
    )


@dataclass(frozen=True, kw_only=True)
class ConnectionReport:
    """What a connection answers to a test. None or `""` is what cannot be known.

    Args:
        version: of the engine, with its name, e.g. "Docker 24.0.7, API 1.43".
        cpu_millis: all that it has, in thousandths of a core.
        memory_bytes: all that it has.
        gpus: how many it can give to servers.
        disk_free_bytes: free space where it keeps what servers need.
        facts: label and value of what else is worth knowing, in the language that is active when `Driver.test` is
            called: that of the person who asks.
    """

    version: str
    cpu_millis: int | None = None
    memory_bytes: int | None = None
    gpus: int | None = None
    disk_free_bytes: int | None = None
    facts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Something on this machine that answers, and could be connected as it is.

    Args:
        name: a name for the connection, of small letters, digits and dashes, e.g. "docker".
        options: what the connection would be created with; the same ones at each look, as they identify the offer.
        message: what answers where, e.g. EngineAnswers with its name, version and address.
    """

    name: str
    options: Mapping[str, Any]
    message: Message


@dataclass(frozen=True, kw_only=True)
class StoredImage:
    """A container image that was pulled for us.

    Args:
        id: the engine's id.
        name: as it was pulled, e.g. "registry.example/team/server:1.2".
        size_bytes: what its removal frees at most: layers may be shared.
        created_at: when it was built, None when not known.
    """

    id: str
    name: str
    size_bytes: int
    created_at: datetime | None = None


class ImageStore(Protocol):
    """A runtime whose kind has the capability `images` and that keeps images between replicas.

    Both methods raise RuntimeUnavailable when the engine cannot be asked now.
    """

    def unused_images(self) -> Sequence[StoredImage]:
        """Return the images that were pulled for us and that no container uses, ours or another's."""

    def remove_unused_images(self) -> Sequence[StoredImage]:
        """Remove them, and return those that are gone; one that came into use meanwhile stays."""
