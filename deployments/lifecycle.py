"""The lifecycle of a deployment: statuses, steps, phases, which action is allowed when, and durations (ttl).

Source of the rules: the AI API (status, targetStatus, ttl) and the table of allowed actions of the product that it
is compatible with. Pure: no I/O, and of Django only the translations. What to do next is decided in
`reconciler/core/plan.py`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


class Status(enum.StrEnum):
    """The observed status."""

    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    DEAD = "DEAD"


class TargetStatus(enum.StrEnum):
    """The desired status."""

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    DELETED = "DELETED"


class Action(enum.StrEnum):
    """What a person may do to a deployment."""

    STOP = "stop"
    DELETE = "delete"
    UPDATE = "update"


class Step(enum.StrEnum):
    """The steps of one generation from the request to public traffic, in order."""

    REQUESTED = "REQUESTED"
    PLACED = "PLACED"
    PREPARED = "PREPARED"
    FETCHED = "FETCHED"
    STARTED = "STARTED"
    HEALTHY = "HEALTHY"
    VERIFIED = "VERIFIED"
    ROUTED = "ROUTED"


# How long each step may take unless the template says otherwise (`launchpad/deadlines`); each step has a limit.
DEADLINES: Mapping[Step, timedelta] = {
    Step.PLACED: timedelta(hours=1),
    Step.PREPARED: timedelta(minutes=30),
    Step.FETCHED: timedelta(hours=1),
    Step.STARTED: timedelta(minutes=5),
    Step.HEALTHY: timedelta(minutes=5),
    Step.VERIFIED: timedelta(minutes=1),
    Step.ROUTED: timedelta(minutes=1),
}

# How long requests may take to finish when their servers are drained (`launchpad/drain-seconds`); the maximum is as
# long as old workers of the gateway may live.
DRAIN_SECONDS = 30
DRAIN_SECONDS_MAX = 3600


class ReplicaPhase(enum.StrEnum):
    """How far a replica has come, in order."""

    SCHEDULING = "SCHEDULING"  # a runtime that schedules itself has no node with room for it yet
    PREPARING = "PREPARING"  # its Python environment is being built
    FETCHING = "FETCHING"  # its input artifacts are being fetched
    STARTING = "STARTING"  # the server's process runs, its port is closed
    LISTENING = "LISTENING"  # its port is open, the health path does not answer 2xx
    HEALTHY = "HEALTHY"  # the health path answered 2xx
    STOPPING = "STOPPING"  # asked to stop, still running
    EXITED = "EXITED"  # ended


class ExitReason(enum.StrEnum):
    """Why a replica has ended."""

    EXITED = "EXITED"  # ended by itself with an exit code
    SIGNALED = "SIGNALED"  # ended by a signal that Launchpad did not send
    OUT_OF_MEMORY = "OUT_OF_MEMORY"  # used more memory than its resource plan allows
    STOPPED = "STOPPED"  # ended because Launchpad stopped it
    NOT_STARTED = "NOT_STARTED"  # environment, artifact or command failed before the server ran
    LOST = "LOST"  # ended unobserved (machine restarted, shim killed)


# Exit codes after which a retry would end the same way: those of shells and `env` (126: the program may
# not be executed, 127: there is none) and of sysexits.h (64: wrong usage, 65: unusable data, 78: wrong configuration).
# The servers that come with Launchpad end with 65 when they refuse their model.
PERMANENT_EXIT_CODES = frozenset({64, 65, 78, 126, 127})


def is_permanent(reason: ExitReason | None, code: int | None) -> bool:
    """Return whether a server that ended like this before it ever became healthy need not be retried."""
    return reason in {ExitReason.EXITED, ExitReason.NOT_STARTED} and code in PERMANENT_EXIT_CODES


_ALLOWED: dict[Status, frozenset[Action]] = {
    Status.UNKNOWN: frozenset({Action.DELETE}),
    Status.PENDING: frozenset({Action.STOP, Action.UPDATE}),
    Status.RUNNING: frozenset({Action.STOP, Action.UPDATE}),
    Status.STOPPING: frozenset(),
    Status.STOPPED: frozenset({Action.DELETE}),
    Status.DEAD: frozenset({Action.DELETE, Action.UPDATE}),
}

_REMEDIATION: dict[Action, dict[Status, StrPromise]] = {
    Action.STOP: {
        Status.UNKNOWN: _("It has not reached the runtime yet; delete it instead."),
        Status.STOPPING: _("It is being stopped already."),
        Status.STOPPED: _("It is stopped already."),
        Status.DEAD: _("It has ended already and holds no resources; delete or update it."),
    },
    Action.DELETE: {
        Status.PENDING: _("Stop it first."),
        Status.RUNNING: _("Stop it first."),
        Status.STOPPING: _("Wait until it is stopped."),
    },
    Action.UPDATE: {
        Status.UNKNOWN: _("Wait until it is PENDING."),
        Status.STOPPING: _("It is being stopped; create it again instead."),
        Status.STOPPED: _("A stopped deployment cannot be restarted; create it again instead."),
    },
}


def why_not(action: Action, status: Status, target: TargetStatus) -> str:
    """Return why an action is not allowed now, `""` when it is allowed.

    Args:
        status: the observed one.
        target: the desired one; a deployment that is being stopped or deleted accepts no other request.
    """
    if target is TargetStatus.DELETED:
        return str(_("It is being deleted already."))
    if target is TargetStatus.STOPPED and status not in {Status.STOPPED, Status.STOPPING, Status.DEAD}:
        status = Status.STOPPING
    if action in _ALLOWED[status]:
        return ""
    remediation = str(_REMEDIATION[action].get(status, ""))
    return f"{_REFUSAL[action] % {'status': status}} {remediation}".rstrip()


def statuses_allowing(action: Action) -> frozenset[Status]:
    """Return the statuses in which an action is allowed."""
    return frozenset(status for status, actions in _ALLOWED.items() if action in actions)


_REFUSAL = {
    Action.STOP: _("A deployment that is %(status)s cannot be stopped."),
    Action.DELETE: _("A deployment that is %(status)s cannot be deleted."),
    Action.UPDATE: _("A deployment that is %(status)s cannot be updated."),
}

# --- Duration (ttl): the AI API's pattern; the minimum of ten minutes is in its meta endpoint ---------------------
TTL_PATTERN = re.compile(r"^[0-9]+[mMhHdD]$")
TTL_MINIMUM = timedelta(minutes=10)
TTL_MAXIMUM = timedelta(days=3650)
_TTL_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def parse_ttl(ttl: str) -> timedelta | None:
    """Return how long a deployment may live, None for without limit.

    Args:
        ttl: e.g. "90m", "24H", "7d"; `""` for without limit.

    Raises:
        ValueError: the message is one sentence for people.
    """
    if not ttl:
        return None
    if not TTL_PATTERN.match(ttl):
        sentence = _("%(ttl)s is not a duration. Write a number and m, h or d: 30m, 12h or 7d.")
        raise ValueError(sentence % {"ttl": repr(ttl[:20])})
    if len(ttl) > 8 or (lifetime := int(ttl[:-1]) * _TTL_UNITS[ttl[-1].lower()]) > TTL_MAXIMUM:
        raise ValueError(
            str(_("The duration is longer than ten years. Leave it empty for a deployment without limit."))
        )
    if lifetime < TTL_MINIMUM:
        raise ValueError(str(_("The duration is too short: the minimum is 10 minutes (10m).")))
    return lifetime
