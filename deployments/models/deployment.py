"""Deployments with their desired and observed state, and their generations, replicas and attempts.

`operations` writes the desired columns, `reconciler` the observed ones, each by `filter(...).update(...)` of
named columns: `save()` would overwrite what the other has changed meanwhile.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments.lifecycle import Status, TargetStatus
from deployments.models.configuration import Configuration
from deployments.models.message import MessageField, Reported
from deployments.models.workspace import ResourceGroup

_STATUSES = [(status.value, status.value) for status in Status]
_TARGETS = [(target.value, target.value) for target in TargetStatus]


def new_deployment_id() -> str:
    """Return `d` and 15 hex digits, the form that clients of the AI API expect."""
    return f"d{secrets.token_hex(8)[1:]}"


def new_revision() -> int:
    """Return a random number for `Deployment.revision`."""
    return secrets.randbits(40)


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    """Gives rows a new `revision` whenever one of the columns that pages show is written."""

    SHOWN = frozenset({
        "changed_at",
        "completed_at",
        "configuration",
        "expires_at",
        "failed_generation",
        "generation",
        "params",
        "reason",
        "serving_generation",
        "started_at",
        "status",
        "status_severity",
        "submitted_at",
        "target_status",
        "unreachable_since",
    })  # fmt: skip

    def update(self, **values: Any) -> int:
        if any(name.removesuffix("_id") in self.SHOWN for name in values):
            values.setdefault("revision", new_revision())
        return super().update(**values)


class Deployment(Reported):
    """One running model: its desired and its observed state.

    Desired: `target_status`, `configuration`, `generation` (grows with each change), `rollback_on_failure` (whether
    a failed update is rolled back to the configuration that was running), `expires_at`.
    Observed: the rest. `reason` and `params` are its message. `serving_generation` is the generation that gets public
    traffic, `failed_generation` the one that has failed. A reconcile is due when `next_reconcile_at` has come or
    `observed_generation < generation`.
    """

    id = models.CharField(_("id"), primary_key=True, max_length=64, default=new_deployment_id, editable=False)
    resource_group = models.ForeignKey(ResourceGroup, models.PROTECT, related_name="deployments")
    created_at = models.DateTimeField(_("created on"), default=timezone.now, editable=False)
    created_by = models.CharField(_("created by"), max_length=256, blank=True)
    ttl = models.CharField(_("duration"), max_length=8, blank=True)
    expires_at = models.DateTimeField(_("running until"), null=True, blank=True)

    configuration = models.ForeignKey(Configuration, models.PROTECT, related_name="deployments")
    target_status = models.CharField(
        _("target status"), max_length=16, choices=_TARGETS, default=TargetStatus.RUNNING.value
    )
    generation = models.PositiveIntegerField(_("generation"), default=1)
    rollback_on_failure = models.BooleanField(_("returns to the last running configuration"), default=False)
    last_operation = models.CharField(_("last operation"), max_length=16, default="CREATE")
    changed_at = models.DateTimeField(_("changed on"), default=timezone.now)

    status = models.CharField(_("status"), max_length=16, choices=_STATUSES, default=Status.UNKNOWN.value)
    status_severity = models.CharField(_("severity"), max_length=8, default="info")
    status_changed_at = models.DateTimeField(_("status changed on"), default=timezone.now)
    observed_generation = models.PositiveIntegerField(_("observed generation"), default=0)
    serving_generation = models.PositiveIntegerField(_("serving generation"), null=True, blank=True)
    failed_generation = models.PositiveIntegerField(_("failed generation"), null=True, blank=True)
    latest_running_configuration = models.ForeignKey(
        Configuration,
        models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("latest running configuration"),
    )
    submitted_at = models.DateTimeField(_("submitted on"), null=True, blank=True)
    started_at = models.DateTimeField(_("running since"), null=True, blank=True)
    completed_at = models.DateTimeField(_("finished on"), null=True, blank=True)
    verified_at = models.DateTimeField(_("last verified on"), null=True, blank=True)
    unreachable_since = models.DateTimeField(_("unreachable since"), null=True, blank=True)

    lease_token = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    next_reconcile_at = models.DateTimeField(_("next reconcile"), null=True, blank=True, default=timezone.now)
    # Pages poll for the sum over what they show: it changes with every change, in whatever order they are committed.
    revision = models.BigIntegerField(default=new_revision, editable=False)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("deployment")
        verbose_name_plural = _("deployments")
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(fields=["resource_group", "-created_at"], name="deployment_newest"),
            models.Index(fields=["resource_group", "status"], name="deployment_status"),
            models.Index(fields=["next_reconcile_at"], name="deployment_due"),
            models.Index(fields=["resource_group", "revision"], name="deployment_revision"),
            models.Index(fields=["created_by"], name="deployment_creator"),
        ]

    def __str__(self) -> str:
        return self.id


class Generation(Reported):
    """One requested change of a deployment, from the request until it gets public traffic.

    `server_spec` is the template rendered with the configuration when it began, a `serving_template.ServerSpec` as a
    mapping, so that a later import of the template changes no running deployment.
    `steps` maps a lifecycle Step to the time it was done (ISO 8601); `waiting` says why it is not placed yet.
    `reason` and `params` say why it failed.
    """

    class Outcome(models.TextChoices):
        OPEN = "", _("under way")
        RUNNING = "RUNNING", _("running")
        FAILED = "FAILED", _("failed")
        REPLACED = "REPLACED", _("replaced")
        STOPPED = "STOPPED", _("stopped")

    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="generations")
    number = models.PositiveIntegerField(_("generation"))
    configuration = models.ForeignKey(Configuration, models.PROTECT, related_name="+")
    server_spec = models.JSONField(_("server specification"), default=dict)
    desired_replicas = models.PositiveIntegerField(_("replicas"), default=1)
    began_at = models.DateTimeField(_("began on"), default=timezone.now)
    steps = models.JSONField(_("steps"), default=dict, blank=True)
    waiting = MessageField(_("waiting for"))
    verified_at = models.DateTimeField(_("last verified on"), null=True, blank=True)
    readiness_failures = models.PositiveIntegerField(_("failed readiness checks in a row"), default=0)
    readiness_message = MessageField(_("last readiness check"))
    readiness_answer = MessageField(_("what the last readiness check asked and was answered"))
    draining_since = models.DateTimeField(_("draining since"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome.choices, blank=True, default="")

    class Meta:
        verbose_name = _("generation")
        verbose_name_plural = _("generations")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["deployment", "number"], name="generation_once")]

    def __str__(self) -> str:
        return f"{self.deployment_id}-{self.number}"


class Replica(models.Model):
    """One desired model-server process; its resources on its node are reserved while `is_reserved`.

    `node` is the name of the node that it was placed on and stays on, `""` where the runtime schedules itself. When
    the node disappears, its resources stay reserved until the replica has ended.

    `endpoint` is what its runtime reports, a `runtimes.endpoint.Endpoint` as a mapping; `host` and `port` are
    the IP address and the port that the gateway sends to, port 0 while there is none.

    `attempt` counts its starts, `restarts` the failed ones since it was last healthy for long; `restart_at` is when
    the next start may be tried. No attempt up to `fence` may run any more: it is written before a runtime is
    asked to stop one, and read after one was asked to start one, so that a stop takes precedence over a late start.
    """

    generation = models.ForeignKey(Generation, models.CASCADE, related_name="replicas")
    name = models.CharField(_("name"), max_length=96, unique=True)
    number = models.PositiveIntegerField(_("replica"))
    node = models.CharField(_("node"), max_length=253, blank=True, default="")
    endpoint = models.JSONField(_("endpoint"), null=True, blank=True)
    host = models.CharField(_("host"), max_length=64, blank=True)
    port = models.PositiveIntegerField(_("port"), default=0)
    phase = models.CharField(_("phase"), max_length=16, blank=True)
    detail = MessageField(_("detail"))
    attempt = models.PositiveIntegerField(_("attempt"), default=1)
    fence = models.PositiveIntegerField(_("attempts that must not run"), default=0)
    restarts = models.PositiveIntegerField(_("restarts"), default=0)
    restart_at = models.DateTimeField(_("restarts on"), null=True, blank=True)
    launched_at = models.DateTimeField(_("server first seen on"), null=True, blank=True)
    healthy_since = models.DateTimeField(_("healthy since"), null=True, blank=True)
    unhealthy_since = models.DateTimeField(_("unhealthy since"), null=True, blank=True)
    killed_because = MessageField(_("killed by the reconciler because"))
    cpu_millis = models.PositiveIntegerField(_("CPU (thousandths of a core)"))
    memory_bytes = models.PositiveBigIntegerField(_("memory (bytes)"))
    gpus = models.PositiveIntegerField(_("GPUs"), default=0)
    is_reserved = models.BooleanField(_("holds resources"), default=True)

    class Meta:
        verbose_name = _("replica")
        verbose_name_plural = _("replicas")
        ordering = ["generation", "number"]
        indexes = [models.Index(fields=["is_reserved"], name="replica_reserved")]

    def __str__(self) -> str:
        return self.name


class Attempt(Reported):
    """One start of one replica, and its end: `reason` and `params` are the message, `exit_reason` the kind."""

    replica = models.ForeignKey(Replica, models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField(_("attempt"))
    started_at = models.DateTimeField(_("started on"), db_default=Now())
    ended_at = models.DateTimeField(_("ended on"), null=True, blank=True)
    step = models.CharField(_("reached"), max_length=16, blank=True)
    exit_reason = models.CharField(_("kind of end"), max_length=16, blank=True)
    exit_code = models.IntegerField(_("exit code"), null=True, blank=True)
    exit_signal = models.PositiveIntegerField(_("signal"), null=True, blank=True)
    first_error = models.TextField(_("cause in the log"), blank=True)
    first_error_at = models.DateTimeField(_("cause written on"), null=True, blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["replica", "number"]
        constraints = [models.UniqueConstraint(fields=["replica", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"{self.replica} attempt {self.number}"

    @property
    def lasted(self) -> timedelta | None:
        return self.ended_at - self.started_at if self.ended_at else None


__all__ = ["Attempt", "Deployment", "Generation", "Replica", "new_deployment_id"]
