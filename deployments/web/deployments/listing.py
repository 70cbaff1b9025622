"""The list of deployments: the page, the poll of its rows, and bulk stop and delete."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from deployments.errors import InvalidInput
from deployments.lifecycle import Action, Status
from deployments.models import Role
from deployments.operations import BULK_LIMIT, BulkItem, delete_deployments, stop_deployments
from deployments.queries.deployment_filters import FILTERS
from deployments.queries.deployment_versions import list_version
from deployments.queries.deployments import PAGE_SIZES, DeploymentFilter, deployment_page, eligibility_of
from deployments.queries.filters import fields_of
from deployments.web.deployments.forms import selection_from
from deployments.web.shell.guards import PageRequest, enter_group, needs, sign_in_required
from deployments.web.shell.list_filters import (
    changed_query,
    chips,
    column_choices,
    list_address,
    list_query,
    saved_views,
    visible_columns,
)
from deployments.web.shell.notices import announce
from deployments.web.shell.polling import version_for

# The statuses in the order of the tabs, each with its icon and colour.
TABS = (
    (Status.RUNNING, "s-triangle", "information"),
    (Status.PENDING, "s-diamond", "critical"),
    (Status.STOPPING, "s-diamond", "critical"),
    (Status.STOPPED, "s-square", "neutral"),
    (Status.DEAD, "s-burst", "negative"),
    (Status.UNKNOWN, "s-circle", "neutral"),
)


@require_GET
@sign_in_required
def deployment_list(request: PageRequest) -> HttpResponse:
    """Show the deployments of the workspace's resource group."""
    context = _list_context(request)
    query = list_query(request)
    fields = fields_of(FILTERS, context["selection"].values)
    context |= {
        "fields": fields,
        "chips": chips(fields, query),
        "sizes": PAGE_SIZES,
        "column_choices": column_choices(request.user),
        "views": saved_views(request.user, query),
        "download": f"{reverse('deployment-download')}?{changed_query(query, resource_group=request.group.pk)}",
    }
    return render(request, "deployments/list.html", context)


@require_GET
def deployment_rows(request: HttpRequest) -> HttpResponse:
    """Answer the poll of the list: 204 while it is unchanged, else its rows."""
    group_id = request.GET.get("group", "")
    version = version_for(request, group_id, list_version(group_id))
    if version and version == request.GET.get("v"):
        return HttpResponse(status=204)
    return _changed_rows(request)


@sign_in_required
def _changed_rows(request: PageRequest) -> HttpResponse:
    """Render the new rows; when a list becomes empty or gets its first row, the whole page is loaded again."""
    enter_group(request, request.GET.get("group", request.group.pk))
    was_empty = "empty" in request.GET
    request.GET = list_query(request)  # type: ignore[assignment]  # templates build links from it
    context = _list_context(request)
    if was_empty == bool(context["shown"].rows):
        return HttpResponseClientRefresh()
    return render(request, "deployments/list_changed.html", context)


@require_POST
@sign_in_required
@needs(Role.EDITOR)
def deployment_bulk(request: PageRequest) -> HttpResponse:
    """Ask for a confirmation (`do`), then stop or delete the selected deployments that allow it (`confirmed`)."""
    action = Action.DELETE if request.POST.get("do") == "delete" else Action.STOP
    ids = request.POST.getlist("id")
    back = _local_list(request.POST.get("back", ""))
    if "confirmed" in request.POST:
        return _act(request, action, ids, back)
    selected = eligibility_of(request.workspace.group.pk, ids[:BULK_LIMIT], action)
    context = {
        "action": action.value,
        "eligible": [item.deployment for item in selected if not item.reason],
        "refused": [item for item in selected if item.reason],
        "chosen": len(selected),
        "too_many": max(len(ids) - BULK_LIMIT, 0),
        "limit": BULK_LIMIT,
        "back": back,
    }
    return render(request, "deployments/bulk.html", context)


def _act(request: PageRequest, action: Action, ids: list[str], back: str) -> HttpResponse:
    act = delete_deployments if action is Action.DELETE else stop_deployments
    try:
        items = act(request.actor, request.workspace.group, ids)
    except InvalidInput as error:
        messages.error(request, str(error))
        return redirect(back)
    _report(request, action, items)
    return redirect(back)


def _report(request: PageRequest, action: Action, items: list[BulkItem]) -> None:
    """Report how many operations were accepted, and each refusal."""
    ids = [item.deployment_id for item in items if item.done]
    done = len(ids)
    if done and action is Action.DELETE:
        text = ngettext("%(n)s deployment is being deleted.", "%(n)s deployments are being deleted.", done)
        announce(request, text % {"n": done}, action, ids)
    elif done:
        text = ngettext("%(n)s deployment is being stopped.", "%(n)s deployments are being stopped.", done)
        announce(request, text % {"n": done}, action, ids)
    for item in items:
        if not item.done:
            text = gettext("%(id)s was left alone: %(reason)s")
            messages.warning(request, text % {"id": item.deployment_id[:64], "reason": item.message})


def _list_context(request: PageRequest) -> dict[str, Any]:
    group = request.workspace.group
    selection = selection_from(request.GET)
    version = version_for(request, group.pk, list_version(group.pk))
    number = request.GET.get("page", "1")
    shown = deployment_page(group.pk, selection, int(number) if number.isdecimal() else 1)
    query = list_query(request)
    poll = {"group": group.pk, "v": version, "empty": "" if shown.rows else "1"}
    return {
        "shown": shown,
        "selection": selection,
        "tabs": _tabs(shown.counts, selection, query),
        "poll": f"{reverse('deployment-rows')}?{changed_query(query, **poll)}",
        "here": list_address(query),
        "sorts": _sorts(selection, query),
        "columns": visible_columns(request.user),
        "may_edit": request.actor.may(Role.EDITOR),
        "now": timezone.localtime(),
    }


def _tabs(counts: Any, selection: DeploymentFilter, query: QueryDict) -> list[dict[str, Any]]:
    everything = {
        "label": gettext("All"),
        "count": sum(counts.values()),
        "url": list_address(query, status="", page=""),
        "current": not selection.status,
    }
    return [
        everything,
        *(
            {
                "label": status.value.capitalize(),
                "count": counts[status.value],
                "url": list_address(query, status=status.value, page=""),
                "current": selection.status == status.value,
                "shape": shape,
                "look": look,
            }
            for status, shape, look in TABS
        ),
    ]


def _sorts(selection: DeploymentFilter, query: QueryDict) -> dict[str, dict[str, str]]:
    """Return for each sortable column the URL that sorts by it, and the current order."""
    links = {}
    for name in ("id", "scenario", "status", "target", "created", "changed"):
        is_current = selection.sort.removeprefix("-") == name
        is_descending = (
            selection.sort.startswith("-") if is_current else name in {"id", "scenario", "status", "target"}
        )
        links[name] = {
            "url": list_address(query, sort=name if is_descending else f"-{name}", page=""),
            "now": ("descending" if is_descending else "ascending") if is_current else "",
        }
    return links


def _local_list(back: str) -> str:
    """Return the URL of a list to return to; anything else becomes the unfiltered list."""
    home = reverse("deployments")
    return back if back.partition("?")[0] == home and "\n" not in back else home
