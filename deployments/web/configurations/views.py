"""The list of configurations, and the details of one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from deployments.models import Configuration
from deployments.queries.catalog import deployments_of
from deployments.queries.configurations import FILTERS, configurations, find_configuration, inputs_of, values_of
from deployments.queries.filters import fields_of, values_from
from deployments.web.shell.guards import PageRequest, enter_group, sign_in_required
from deployments.web.shell.paging import page_of, text_of
from deployments.web.shell.polling import follow_list

MANY_PARAMETERS = 12  # with more there is a search


@require_GET
@sign_in_required
def configuration_list(request: PageRequest) -> HttpResponse:
    values = values_from(FILTERS, request.GET)
    context = {
        "title": _("Configurations"),
        "page": page_of(request, configurations(request.group.pk, **values)),
        "is_filtered": any(values.values()),
        "fields": fields_of(FILTERS, values),
    }
    return render(request, "configurations/list.html", context)


@require_GET
@sign_in_required
def configuration(request: PageRequest, configuration_id: UUID) -> HttpResponse:
    """Show one configuration; the tabs are its values and its deployments."""
    found = find_configuration(request.workspace.group_ids, configuration_id)
    if found is None:
        raise Http404
    enter_group(request, found.resource_group_id)
    deployments = deployments_of(request.group.pk, configuration=str(found.pk))
    create = f"{reverse('deployment-create')}?configuration={found.pk}"
    context: dict[str, Any] = {"configuration": found, "tab": "details", "create": create}
    if request.GET.get("tab") == "deployments":
        context["poll"], is_unchanged = follow_list(request)
        if is_unchanged:
            return HttpResponse(status=204)
        page = page_of(request, deployments)
        context |= {"tab": "deployments", "page": page, "deployment_count": page.paginator.count}
    else:
        context |= _details(found, text_of(request, "q")) | {"deployment_count": deployments.count()}
    return render(request, "configurations/configuration.html", context)


def _details(found: Configuration, text: str) -> dict[str, Any]:
    values = values_of(found)
    wanted = text.lower()
    return {
        "values": [v for v in values if wanted in v.name.lower() or wanted in v.value.lower()] if wanted else values,
        "value_count": len(values),
        "has_search": len(values) > MANY_PARAMETERS,
        "text": text,
        "inputs": inputs_of(found),
    }
