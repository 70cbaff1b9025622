"""The details of one deployment: its generations, replicas, attempts, events and current state."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Q

from deployments.lifecycle import ReplicaPhase, Status, Step, TargetStatus
from deployments.models import Attempt, Configuration, Deployment, DeploymentEvent, Generation, Replica

ATTEMPTS_SHOWN = 20
EVENTS_SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class Replicas:
    """The number of replicas of a generation: desired, and healthy now."""

    desired: int
    healthy: int


@dataclass(frozen=True, kw_only=True)
class DeploymentState:
    """A deployment and the generation that its pages are about.

    Args:
        newest: the last generation. Right after a change it has no row yet: requested, but not reconciled.
        serving: the one that gets public traffic, None when there is none.
        replicas: of the serving generation, else of the newest.
    """

    deployment: Deployment
    newest: Generation | None
    serving: Generation | None
    replicas: Replicas

    @property
    def is_ending(self) -> bool:
        return self.deployment.target_status != TargetStatus.RUNNING

    @property
    def is_settled(self) -> bool:
        """Whether no further change is expected."""
        deployment = self.deployment
        if deployment.target_status == TargetStatus.DELETED or deployment.unreachable_since:
            return False
        if deployment.observed_generation < deployment.generation:
            return False
        if self.is_ending:
            return deployment.status == Status.STOPPED
        if deployment.status == Status.DEAD:
            return True
        return deployment.status == Status.RUNNING and not self.is_updating and self.is_complete

    @property
    def is_requested(self) -> bool:
        """Whether the last change has not been reconciled yet, so that status and message are still the old ones."""
        return self.newest is not None and self.newest.pk is None

    @property
    def is_dead(self) -> bool:
        """Whether it has failed and no change was requested since."""
        return self.deployment.status == Status.DEAD and not self.is_coming_up

    @property
    def configuration(self) -> Configuration:
        """The serving configuration during an update, else the desired one."""
        if self.is_updating and self.serving is not None:
            return self.serving.configuration
        return self.deployment.configuration

    @property
    def is_complete(self) -> bool:
        return self.replicas.healthy >= self.replicas.desired > 0

    @property
    def is_coming_up(self) -> bool:
        """Whether the newest generation is on its way to public traffic."""
        newest = self.newest
        return not self.is_ending and newest is not None and not newest.outcome

    @property
    def is_updating(self) -> bool:
        """Whether the newest generation is coming up while an older one serves."""
        serving, newest = self.serving, self.newest
        return self.is_coming_up and serving is not None and newest is not None and serving.number != newest.number

    @property
    def has_returned(self) -> bool:
        """Whether an update has failed and the previous generation still serves."""
        newest = self.newest
        return (
            self.serving is not None
            and newest is not None
            and newest.number != self.serving.number
            and newest.outcome == Generation.Outcome.FAILED
        )

    @property
    def is_waiting(self) -> bool:
        return self.is_coming_up and bool(self.newest and self.newest.waiting)


def find_deployment(group_ids: Collection[str], deployment_id: str) -> Deployment | None:
    """Return a deployment of these resource groups with its related rows, in one query."""
    return (
        Deployment.objects.select_related(
            "configuration__scenario",
            "configuration__executable",
            "latest_running_configuration",
            "resource_group__connection",
        )
        .filter(resource_group__in=group_ids, pk=deployment_id)
        .first()
    )


def state_of(deployment: Deployment) -> DeploymentState:
    """Return the current state of a deployment, in two queries."""
    generations = list(
        Generation.objects.filter(deployment=deployment)
        .filter(Q(number=deployment.serving_generation) | Q(pk__in=_newest(deployment)))
        .select_related("configuration__scenario", "configuration__executable")
        .order_by("-number")
    )
    newest = generations[0] if generations else None
    if _is_requested(deployment, newest):
        newest = _requested(deployment)
    serving = next((g for g in generations if g.number == deployment.serving_generation), None)
    subject = serving or newest
    replicas = Replicas(desired=0, healthy=0)
    if subject is not None and subject.pk is not None:
        healthy = Replica.objects.filter(generation=subject, phase=ReplicaPhase.HEALTHY).count()
        replicas = Replicas(desired=subject.desired_replicas, healthy=healthy)
    return DeploymentState(deployment=deployment, newest=newest, serving=serving, replicas=replicas)


def attempts_of(deployment: Deployment, *, generation: int | None = None) -> Sequence[Attempt]:
    """Return the last attempts, newest first, with replica and generation loaded."""
    attempts = Attempt.objects.filter(replica__generation__deployment=deployment)
    if generation is not None:
        attempts = attempts.filter(replica__generation__number=generation)
    return list(attempts.select_related("replica__generation").order_by("-started_at", "-pk")[:ATTEMPTS_SHOWN])


def events_of(deployment: Deployment, *, limit: int = EVENTS_SHOWN) -> Sequence[DeploymentEvent]:
    """Return the last events, newest first."""
    return list(DeploymentEvent.objects.filter(deployment=deployment)[:limit])


def status_changes(deployment: Deployment, *, limit: int = 6) -> Sequence[DeploymentEvent]:
    """Return the events at which the status became another one, newest first; one event for each change."""
    changes: list[DeploymentEvent] = []
    for event in events_of(deployment):  # newest first: the oldest of equal neighbours is the change
        if changes and changes[-1].status == event.status:
            changes[-1] = event
        else:
            changes.append(event)
    return changes[:limit]


def replicas_of(deployment: Deployment) -> Sequence[Replica]:
    """Return every replica of every generation, newest generation first."""
    return list(
        Replica.objects.filter(generation__deployment=deployment)
        .select_related("generation")
        .order_by("-generation__number", "number")
    )


def _is_requested(deployment: Deployment, newest: Generation | None) -> bool:
    """Whether a generation was requested that is not reconciled yet."""
    if deployment.target_status != TargetStatus.RUNNING or deployment.observed_generation >= deployment.generation:
        return False
    return newest is None or newest.number < deployment.generation


def _requested(deployment: Deployment) -> Generation:
    """Return the generation that the next reconcile will create; unsaved: the reconciler adds its server spec."""
    return Generation(
        deployment=deployment,
        number=deployment.generation,
        configuration=deployment.configuration,
        began_at=deployment.changed_at,
        steps={Step.REQUESTED.value: deployment.changed_at.isoformat()},
    )


def _newest(deployment: Deployment) -> object:
    return Generation.objects.filter(deployment=deployment).order_by("-number").values("pk")[:1]
