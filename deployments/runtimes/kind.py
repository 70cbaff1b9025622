"""The description of a kind of runtime: all that the rest of Launchpad knows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployments.messages import Message
from deployments.runtimes.base import Owner, Runtime
from deployments.runtimes.options import ConnectionReport, Offer, OptionField, OptionType
from deployments.serving_template.schema import ServerTemplate

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What the connections of a kind can do; what they cannot is not offered.

    Args:
        images: runs container images.
        environments: builds Python environments from requirement lines.
        schedules_itself: decides itself on which node a replica runs, so that we reserve no resources for it.
    """

    images: bool = False
    environments: bool = False
    schedules_itself: bool = False


@dataclass(frozen=True, kw_only=True)
class Driver:
    """A kind of runtime, as its folder describes it to the registry.

    Args:
        kind: stored in connections, so it never changes.
        label: name for people.
        capabilities: what its connections can do.
        open: makes the runtime of one connection from its id, its options and its secrets. It asks nobody, so that
            it can be called at any time; it raises RuntimeUnavailable when the options cannot be used.
        check_options: returns what is wrong with the options of a connection, one sentence, `""` for nothing; given
            the options and those of the other connections of this kind.
        option_fields: the options and secrets of a connection, of which its form is made.
        test: asks with options and secrets, of a connection that need not be stored, whether and what answers there;
            returns what it is, or one sentence on what is wrong, in TEST_SECONDS at most. Only the worker calls it.
        address: where a connection with these options leads to, for lists: an address, or words.
        isolation: what keeps the servers of its connections from the rest of this machine, in words, `""` when there
            is nothing to say.
        offers: looks at the usual places of this machine for what could be connected with one click. Called by the
            worker, at its start and from time to time; returns within ten seconds, and nothing when there is nothing.
        check: returns why connections of this kind cannot run what a template describes, None when they can; given
            the name of the template and its server. Nobody else asks what kind of runtime it is.
        warnings: returns what they would run differently than the template means.
        prepare: makes ready what all servers need, at each start of Launchpad; raises RuntimeUnavailable.
        settings_problem: returns what of the settings of Launchpad keeps it from starting servers, `""` for nothing.
        everything_here: makes a runtime over all servers on this machine, whichever connection has started them. They
            end with Launchpad (Ctrl-C). None for a kind whose servers go on without it.
        sentences: code -> sentences of its own reasons, marked for translators; see `messages.Reason`.
        is_for_tests: not offered to anybody.
    """

    kind: str
    label: StrPromise | str
    capabilities: Capabilities
    open: Callable[[Owner, Mapping[str, Any], Mapping[str, str]], Runtime]
    check_options: Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]]], str]
    option_fields: Sequence[OptionField]
    test: Callable[[Mapping[str, Any], Mapping[str, str]], ConnectionReport | Message]
    check: Callable[[str, ServerTemplate], Message | None]
    warnings: Callable[[str, ServerTemplate], Sequence[Message]] = lambda name, server: ()
    address: Callable[[Mapping[str, Any]], str] = lambda options: ""
    isolation: Callable[[], str] = lambda: ""
    offers: Callable[[], Sequence[Offer]] = lambda: ()
    prepare: Callable[[], None] = lambda: None
    settings_problem: Callable[[], str] = lambda: ""
    everything_here: Callable[[], Runtime] | None = None
    sentences: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_for_tests: bool = False

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the secrets that a connection may have, e.g. ("token",)."""
        return tuple(option.name for option in self.option_fields if option.type is OptionType.SECRET)
