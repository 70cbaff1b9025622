"""Models, data sets and other artifacts: list, details, adding and deleting."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from deployments.errors import InvalidInput, OperationRefused
from deployments.models import Artifact, ArtifactKind, Role, Scenario
from deployments.operations import add_artifact, delete_artifact, upload_artifact
from deployments.queries.artifacts import FILTERS, artifacts, configurations_with, counts_by_kind, find_artifact
from deployments.queries.filters import fields_of, values_from
from deployments.web.artifacts.forms import UPLOAD, ArtifactForm
from deployments.web.artifacts.uploads import upload_limit, was_disk_full, was_too_large
from deployments.web.configurations.draft import KIND, choose_input
from deployments.web.shell.drafts import WindowDraft, window_draft
from deployments.web.shell.form_problems import add_problems
from deployments.web.shell.guards import PageRequest, enter_group, needs, sign_in_required
from deployments.web.shell.notices import isolated
from deployments.web.shell.paging import page_of, text_of

TITLES = {
    "": gettext_lazy("Artifacts"),
    ArtifactKind.MODEL: gettext_lazy("Models"),
    ArtifactKind.DATASET: gettext_lazy("Datasets"),
    ArtifactKind.RESULTSET: gettext_lazy("Result Sets"),
    ArtifactKind.OTHER: gettext_lazy("Other Artifacts"),
}
USERS_SHOWN = 10


@require_GET
@sign_in_required
def artifact_list(request: PageRequest) -> HttpResponse:
    values = values_from(FILTERS, request.GET)
    kind = values["kind"]
    counts = counts_by_kind(request.group.pk)
    context = {
        "page": page_of(request, artifacts(request.group.pk, **values)),
        "kind": kind,
        "title": TITLES[kind],
        "tabs": [
            {"kind": each, "label": label, "count": counts[each] if each else sum(counts.values())}
            for each, label in TITLES.items()
        ],
        "is_filtered": any(value for name, value in values.items() if name != "kind"),
        "fields": fields_of(FILTERS, values),
    }
    return render(request, "artifacts/list.html", context)


@require_GET
@sign_in_required
def artifact(request: PageRequest, artifact_id: UUID) -> HttpResponse:
    row = _artifact_or_404(request, artifact_id)
    request.section = row.kind
    users = list(configurations_with(row)[: USERS_SHOWN + 1])
    context = {
        "artifact": row,
        "title": TITLES[row.kind],
        "users": users[:USERS_SHOWN],
        "more_users": len(users) > USERS_SHOWN,
        "why_kept": _why_not_deletable(request, bool(users)),
    }
    return render(request, "artifacts/artifact.html", context)


@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.EDITOR)
def artifact_create(request: PageRequest) -> HttpResponse:
    """Add an artifact; opened from the configuration wizard, it returns there with the new one selected."""
    origin = {name: text_of(request, name) for name in ("return", "input", "executable")}
    wizard = window_draft(request, KIND, key=origin["return"]) if origin["return"] else None
    form = _form(request)
    if request.method == "POST" and form.is_valid():
        added = _add(request, form)
        if added is not None:
            if wizard is not None:
                choose_input(wizard, origin["executable"], origin["input"], str(added.pk))
            return _onward(request, added, wizard)
    request.section = str(form["kind"].value() or "")
    context = {
        "form": form,
        "source": form["source"].value() or UPLOAD,
        "limit": upload_limit(),
        "in_wizard": wizard is not None,
        "wizard_url": _inputs_step(wizard) if wizard else "",
        "has_scenarios": Scenario.objects.exists(),
        "query": request.GET.urlencode(),
    }
    status = 422 if form.is_bound else 200
    return render(request, "artifacts/create.html", context, status=status)


@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.EDITOR)
def artifact_delete(request: PageRequest, artifact_id: UUID) -> HttpResponse:
    """Delete an artifact after a confirmation, unless a configuration uses it."""
    row = _artifact_or_404(request, artifact_id)
    request.section = row.kind
    if request.method == "GET":
        back = reverse("artifact", args=[row.pk])
        return render(request, "artifacts/delete.html", {"artifact": row, "back_url": back})
    try:
        delete_artifact(request.actor, row)
    except OperationRefused as error:
        messages.error(request, str(error))
        return redirect("artifact", artifact_id)
    messages.success(request, _("%(name)s was deleted.") % {"name": isolated(row.name)})
    return redirect(f"{reverse('artifacts')}?{urlencode({'kind': row.kind})}")


def _artifact_or_404(request: PageRequest, artifact_id: UUID) -> Artifact:
    row = find_artifact(request.workspace.group_ids, artifact_id)
    if row is None:
        raise Http404
    enter_group(request, row.resource_group_id)
    return row


def _why_not_deletable(request: PageRequest, is_used: bool) -> str:
    """Return why the user cannot delete the artifact, `""` when that is allowed."""
    if not request.actor.may(Role.EDITOR):
        return _("This needs the role Editor.")
    return _("A configuration uses it.") if is_used else ""


def _form(request: PageRequest) -> ArtifactForm:
    if request.method == "POST":
        too_large = upload_limit() if was_too_large(request) else 0
        no_room = was_disk_full(request)
        return ArtifactForm(request.POST, request.FILES, too_large=too_large, no_room=no_room)
    kind = text_of(request, "kind")
    scenario = text_of(request, "scenario") or Scenario.objects.values_list("pk", flat=True).first()
    return ArtifactForm(initial={"kind": kind or ArtifactKind.MODEL, "scenario": scenario})


def _add(request: PageRequest, form: ArtifactForm) -> Artifact | None:
    """Add the artifact of the form; problems that the operation reports are added to its fields."""
    values = form.cleaned_data
    common: dict[str, Any] = {
        "name": values["name"],
        "kind": values["kind"],
        "description": values["description"],
        "created_by": request.user,
    }
    try:
        if values["source"] == UPLOAD:
            return upload_artifact(request.actor, request.group, values["scenario"], upload=values["upload"], **common)
        return add_artifact(request.actor, request.group, values["scenario"], url=values["url"].strip(), **common)
    except InvalidInput as error:
        add_problems(form, error)
    return None


def _onward(request: PageRequest, added: Artifact, wizard: WindowDraft | None) -> HttpResponse:
    address = _inputs_step(wizard) if wizard else reverse("artifact", args=[added.pk])
    messages.success(request, _("%(name)s was added.") % {"name": isolated(added.name)})
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def _inputs_step(wizard: WindowDraft) -> str:
    """Return the URL of the configuration wizard at the step that the page was opened from."""
    return f"{reverse('configuration-create')}?{urlencode({'draft': wizard.key, 'step': 'inputs'})}"
