"""What the loop and the plan tell each other: facts that go in, actions and a plan that come out. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from deployments.lifecycle import DRAIN_SECONDS, ExitReason, ReplicaPhase, Status, Step, TargetStatus
from deployments.messages import Message


@dataclass(frozen=True, kw_only=True)
class ReplicaState:
    """One replica as wanted and seen.

    Args:
        name: its identity in the runtime.
        phase: None when the runtime does not know its present attempt.
        attempt_began_at: when the present attempt was started, None if it was not.
        launched_at: when the server's process of the present attempt was first seen, after all preparation.
        exit_reason, exit_code, exit_message: how it ended (phase EXITED only).
        exit_repeats: whether the attempt before ended in the same way with the same error.
        restarts: failed starts since it was last healthy for long.
        restart_at: not to be started before.
        healthy_since, unhealthy_since: None when it is not.
        killed_because: why the loop itself ended this attempt, None if it did not.
    """

    name: str
    phase: ReplicaPhase | None = None
    attempt_began_at: datetime | None = None
    launched_at: datetime | None = None
    detail: Message | None = None
    exit_reason: ExitReason | None = None
    exit_code: int | None = None
    exit_message: Message | None = None
    exit_repeats: bool = False
    restarts: int = 0
    restart_at: datetime | None = None
    healthy_since: datetime | None = None
    unhealthy_since: datetime | None = None
    killed_because: Message | None = None


@dataclass(frozen=True, kw_only=True)
class GenerationState:
    """One generation that is wanted, serving, or not fully released.

    Args:
        configuration: name, for messages.
        is_reserved: whether resources are held for its replicas; False before it is placed and after its release.
        waiting: why it is not placed, in numbers.
        steps: step -> when it was done.
        deadlines: step -> how long it may take, where the template says so.
        readiness_failures: failed readiness checks in a row; at READINESS_FAILURE_LIMIT it counts as not
            answering.
        drain_limit: how long its requests may take to finish once traffic has left it.
        scheduled_by_runtime: whether it is not placed by us but by the runtime, and so once all replicas have a node.
        in_flight: requests that the gateway still has open to it, None when not known.
        failure: why it failed, or why its start was refused.
    """

    number: int
    configuration: str
    began_at: datetime
    is_reserved: bool = False
    waiting: Message | None = None
    replicas: tuple[ReplicaState, ...] = ()
    steps: Mapping[Step, datetime] = field(default_factory=dict)
    deadlines: Mapping[Step, timedelta] = field(default_factory=dict)
    verified_at: datetime | None = None
    readiness_failures: int = 0
    readiness_message: Message | None = None
    draining_since: datetime | None = None
    drain_limit: timedelta = timedelta(seconds=DRAIN_SECONDS)
    in_flight: int | None = None
    scheduled_by_runtime: bool = False
    failure: Message | None = None


@dataclass(frozen=True, kw_only=True)
class ObservedState:
    """All that a pass knows of one deployment.

    Args:
        generation: the one that is wanted.
        failed: the generation that was given up, if any.
        serving: the generation that public traffic goes to, if any.
        expired: whether its duration is over.
    """

    now: datetime
    target: TargetStatus
    status: Status
    generation: int
    rollback_on_failure: bool = False
    failed: int | None = None
    serving: int | None = None
    latest_running: str = ""
    expired: bool = False
    generations: Mapping[int, GenerationState] = field(default_factory=dict)


@dataclass(frozen=True)
class CreateGeneration:
    """Open the wanted generation: render its server spec, submit it to the runtime."""


@dataclass(frozen=True)
class Schedule:
    """Hold resources for the replicas of a generation, or say what is missing."""

    generation: int


@dataclass(frozen=True)
class Start:
    replica: str


@dataclass(frozen=True)
class Restart:
    """Allow the next attempt after a pause; `counted` when the one before failed."""

    replica: str
    pause: timedelta
    cause: Message | None
    counted: bool = True


@dataclass(frozen=True)
class ResetRestartCount:
    """Count restarts from zero again: the replica was healthy for long."""

    replica: str


@dataclass(frozen=True)
class KillReplica:
    """End a live replica that does not answer, to be started again."""

    replica: str
    cause: Message


@dataclass(frozen=True)
class Stop:
    """End the present attempt of a replica."""

    replica: str


@dataclass(frozen=True)
class Probe:
    generation: int


@dataclass(frozen=True)
class MarkUnready:
    """Require a new proof before the generation counts as answering again."""

    generation: int


@dataclass(frozen=True)
class Route:
    """Send public traffic to a generation."""

    generation: int


@dataclass(frozen=True)
class Unroute:
    """Send public traffic nowhere."""


@dataclass(frozen=True)
class Drain:
    """Note that a generation gets no new requests from now on."""

    generation: int


@dataclass(frozen=True)
class Release:
    """Give back what is held for a generation whose replicas are all gone."""

    generation: int


@dataclass(frozen=True)
class MarkFailed:
    """Give a generation up."""

    generation: int
    cause: Message
    message: Message
    returned: bool


@dataclass(frozen=True)
class Delete:
    """Remove the deployment with all its information."""


Action = (
    CreateGeneration | Schedule | Start | Restart | ResetRestartCount | KillReplica | Stop | Probe | MarkUnready
    | Route | Unroute | Drain | Release | MarkFailed | Delete
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do and what to show.

    Args:
        actions: in this order.
        status: what is observed.
        message: what is shown; None keeps the one there is.
        severity: "info", "warning" or "error".
        steps: generation -> steps that are done by now.
        requeue_after: None when nothing will change without a new wish.
    """

    actions: tuple[Action, ...] = ()
    status: Status
    message: Message | None = None
    severity: str = "info"
    steps: Mapping[int, tuple[Step, ...]] = field(default_factory=dict)
    requeue_after: timedelta | None = None
