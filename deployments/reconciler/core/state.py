"""The input and output of the plan in plain data: observed state, actions, plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from deployments.lifecycle import DRAIN_SECONDS, ExitReason, ReplicaPhase, Status, Step, TargetStatus
from deployments.messages import Message


@dataclass(frozen=True, kw_only=True)
class ReplicaState:
    """One replica, desired and observed.

    Args:
        name: its identity in the runtime.
        phase: None when the runtime does not know its current attempt.
        attempt_began_at: when the current attempt was started, None if it was not.
        launched_at: when the server's process of the current attempt was first observed, after its preparation.
        exit_reason, exit_code, exit_message: how it ended (phase EXITED only).
        exit_permanent: whether its runtime says that another attempt would end the same.
        exit_repeats: whether the previous attempt ended in the same way with the same error.
        restarts: failed starts since it was last healthy for a long time.
        restart_at: not to be started before.
        healthy_since, unhealthy_since: None when it is not.
        killed_because: why the reconciler itself ended this attempt, None if it did not.
        is_moved: whether it was observed just now for the first time that it is reached there.
    """

    name: str
    phase: ReplicaPhase | None = None
    attempt_began_at: datetime | None = None
    launched_at: datetime | None = None
    detail: Message | None = None
    exit_reason: ExitReason | None = None
    exit_code: int | None = None
    exit_message: Message | None = None
    exit_permanent: bool = False
    exit_repeats: bool = False
    restarts: int = 0
    restart_at: datetime | None = None
    healthy_since: datetime | None = None
    unhealthy_since: datetime | None = None
    killed_because: Message | None = None
    is_moved: bool = False


@dataclass(frozen=True, kw_only=True)
class GenerationState:
    """One generation that is desired, serving, or not fully released.

    Args:
        configuration: name, for messages.
        is_reserved: whether resources are reserved for its replicas; False before scheduling and after its release.
        waiting: why it is not scheduled, in numbers.
        steps: step -> when it was completed.
        deadlines: step -> how long it may take, where the template says so.
        readiness_failures: failed readiness checks in a row; at READINESS_FAILURE_LIMIT it counts as not
            answering.
        drain_limit: how long its requests may take to finish when it is drained.
        scheduled_by_runtime: whether the runtime schedules it; then PLACED is completed when all replicas have a node.
        in_flight: open requests to it in the gateway, None when not known.
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
    """The observed state of one deployment, and what is desired of it.

    Args:
        generation: the desired one.
        failed: the generation that has failed, if any.
        serving: the generation that gets public traffic, if any.
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
    """Create the desired generation with its rendered server spec."""


@dataclass(frozen=True)
class Schedule:
    """Reserve resources for the replicas of a generation, or record the shortfall."""

    generation: int


@dataclass(frozen=True)
class Start:
    replica: str


@dataclass(frozen=True)
class Restart:
    """Allow the next attempt after a pause; `counted` when the previous one failed."""

    replica: str
    pause: timedelta
    cause: Message | None
    counted: bool = True


@dataclass(frozen=True)
class ResetRestartCount:
    """Reset the count of restarts: the replica was healthy for a long time."""

    replica: str


@dataclass(frozen=True)
class KillReplica:
    """Kill a running replica that does not respond, so that it is restarted."""

    replica: str
    cause: Message


@dataclass(frozen=True)
class Stop:
    """End the current attempt of a replica."""

    replica: str


@dataclass(frozen=True)
class Probe:
    generation: int


@dataclass(frozen=True)
class MarkUnready:
    """Require a successful readiness check before the generation is RUNNING again."""

    generation: int


@dataclass(frozen=True)
class Route:
    """Send public traffic to a generation."""

    generation: int


@dataclass(frozen=True)
class Unroute:
    """Remove the public route."""


@dataclass(frozen=True)
class Drain:
    """Record that a generation gets no new requests from now on."""

    generation: int


@dataclass(frozen=True)
class Release:
    """Release the resources of a generation whose replicas have all ended."""

    generation: int


@dataclass(frozen=True)
class MarkFailed:
    """Mark a generation as failed."""

    generation: int
    cause: Message
    message: Message
    returned: bool


@dataclass(frozen=True)
class Delete:
    """Delete the deployment with all its information."""


Action = (
    CreateGeneration | Schedule | Start | Restart | ResetRestartCount | KillReplica | Stop | Probe | MarkUnready
    | Route | Unroute | Drain | Release | MarkFailed | Delete
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The actions to execute and the status to record.

    Args:
        actions: in this order.
        status: the observed status.
        message: the new message; None keeps the current one.
        severity: "info", "warning" or "error".
        steps: generation -> completed steps.
        requeue_after: None when nothing will change without a new request.
    """

    actions: tuple[Action, ...] = ()
    status: Status
    message: Message | None = None
    severity: str = "info"
    steps: Mapping[int, tuple[Step, ...]] = field(default_factory=dict)
    requeue_after: timedelta | None = None
