"""Deployments and everything that the reconciler writes about them, read-only."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext

from deployments.admin.base import ReadOnlyAdmin, person
from deployments.messages import render
from deployments.models import Attempt, Deployment, DeploymentEvent, Generation, Replica, Reported
from deployments.operations import requeue_deployments


class ReportedAdmin(ReadOnlyAdmin):
    """Rows with a message (reason and params): its sentence is a column, too."""

    readonly_fields = ("said",)

    @admin.display(description=gettext_lazy("message"))
    def said(self, row: Reported) -> str:
        return render(row.message)


@admin.register(Deployment)
class DeploymentAdmin(ReportedAdmin):
    list_display = (
        "id",
        "resource_group",
        "configuration",
        "status",
        "target_status",
        "generation",
        "observed_generation",
        "created_at",
        "changed_at",
        "next_reconcile_at",
    )
    list_filter = ("status", "target_status", "resource_group")
    list_select_related = ("resource_group", "configuration")
    search_fields = ("id", "configuration__name", "created_by", "reason")
    date_hierarchy = "created_at"
    actions = ("requeue",)

    @admin.action(description=gettext_lazy("Reconcile the chosen deployments now"))
    def requeue(self, request: HttpRequest, deployments: QuerySet[Deployment]) -> None:
        chosen = list(deployments)
        requeue_deployments(person(request).actor(), chosen)
        for deployment in chosen:
            self.log_change(request, deployment, "Requeued.")
        sentence = ngettext(
            "%(number)s deployment is reconciled.", "%(number)s deployments are reconciled.", len(chosen)
        )
        messages.success(request, sentence % {"number": len(chosen)})


@admin.register(Generation)
class GenerationAdmin(ReportedAdmin):
    list_display = ("__str__", "configuration", "desired_replicas", "outcome", "began_at", "waits_for", "said")
    list_filter = ("outcome", "deployment__resource_group")
    list_select_related = ("configuration",)
    search_fields = ("deployment__id", "configuration__name", "reason")
    date_hierarchy = "began_at"
    readonly_fields = ("said", "waits_for")  # type: ignore[assignment]  # one more than of others

    @admin.display(description=gettext_lazy("waiting for"))
    def waits_for(self, generation: Generation) -> str:
        return render(generation.waiting)


@admin.register(Replica)
class ReplicaAdmin(ReadOnlyAdmin):
    list_display = (
        "name",
        "phase",
        "host",
        "port",
        "attempt",
        "restarts",
        "is_reserved",
        "cpu_millis",
        "memory_bytes",
    )
    list_filter = ("phase", "is_reserved")
    search_fields = ("name",)


@admin.register(Attempt)
class AttemptAdmin(ReportedAdmin):
    list_display = ("replica", "number", "started_at", "ended_at", "step", "exit_reason", "exit_code", "said")
    list_filter = ("exit_reason", "step")
    list_select_related = ("replica",)
    search_fields = ("replica__name", "reason", "first_error")
    date_hierarchy = "started_at"


@admin.register(DeploymentEvent)
class DeploymentEventAdmin(ReportedAdmin):
    list_display = ("at", "deployment", "generation", "status", "severity", "reason", "said", "actor")
    list_filter = ("severity", "status", "reason")
    search_fields = ("deployment__id", "reason", "actor")
    date_hierarchy = "at"
