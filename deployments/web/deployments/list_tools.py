"""Tools of the list of deployments: columns, saved views, download."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_POST

from deployments.errors import InvalidInput
from deployments.messages import render
from deployments.models import Deployment, User
from deployments.operations.saved_views import delete_view, save_view
from deployments.queries.csv_download import csv_response
from deployments.queries.deployments import COLUMNS, all_deployments
from deployments.web.deployments.forms import selection_from
from deployments.web.shell.guards import PageRequest, local_address, sign_in_required
from deployments.web.shell.list_filters import COLUMN_LABELS, list_query, visible_columns
from deployments.web.shell.notices import isolated


@require_POST
@sign_in_required
def deployment_columns(request: PageRequest) -> HttpResponse:
    """Store the columns that the user has selected."""
    chosen = [name for name in COLUMNS if name in request.POST.getlist("column")]
    User.objects.filter(pk=request.user.pk).update(deployment_columns=chosen)
    return redirect(local_address(request, request.POST.get("next"), "deployments"))


@require_POST
@sign_in_required
def deployment_view_save(request: PageRequest) -> HttpResponse:
    """Save the filters of the list under a name."""
    back = local_address(request, request.POST.get("next"), "deployments")
    try:
        view = save_view(request.user, request.POST.get("name", ""), back.partition("?")[2])
    except InvalidInput as error:
        messages.error(request, str(error))
    else:
        messages.success(request, gettext("The view %(name)s is saved.") % {"name": isolated(view.name)})
    return redirect(back)


@require_POST
@sign_in_required
def deployment_view_delete(request: PageRequest, view_id: int) -> HttpResponse:
    """Delete one of the user's views."""
    delete_view(request.user, view_id)
    return redirect(local_address(request, request.POST.get("next"), "deployments"))


@require_GET
@sign_in_required
def deployment_download(request: PageRequest) -> HttpResponseBase:
    """Download all pages of the list, with the user's columns."""
    selection = selection_from(list_query(request))
    rows = all_deployments(request.group.pk, selection)
    name = f"deployments-{timezone.localtime():%Y-%m-%d}"
    return csv_response(name, _rows(rows, visible_columns(request.user)))


def _rows(deployments: Iterator[Deployment], columns: list[str]) -> Iterator[list[str]]:
    labels = [gettext("ID"), gettext("Configuration"), gettext("Current Status"), gettext("Message")]
    yield labels + [str(COLUMN_LABELS[name]) for name in columns]
    for deployment in deployments:
        first = [deployment.pk, deployment.configuration.name, deployment.status, render(deployment.message)]
        yield first + [_cell(deployment, name) for name in columns]


def _cell(deployment: Deployment, column: str) -> str:
    configuration = deployment.configuration
    if column == "scenario":
        executable = f"{configuration.executable.name} {configuration.executable.version}".strip()
        return f"{configuration.scenario.name} / {executable}"
    if column == "target":
        return deployment.target_status
    if column == "creator":
        return deployment.created_by
    times = {"created": deployment.created_at, "changed": deployment.changed_at, "until": deployment.expires_at}
    at = times[column]
    return timezone.localtime(at).isoformat(timespec="seconds") if at else ""
