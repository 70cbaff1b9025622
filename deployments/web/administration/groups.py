"""Resource groups: list, create, change and delete."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from deployments.models import ResourceGroup
from deployments.operations.resource_groups import (
    Quotas,
    change_resource_group,
    contents_of,
    create_resource_group,
    delete_resource_group,
    delete_resource_group_with_contents,
)
from deployments.queries import administration
from deployments.web.administration.forms import GroupForm, NewGroupForm
from deployments.web.administration.frames import form_page, list_page, onward, question_page
from deployments.web.shell.guards import PageRequest, administrator_required


@require_GET
@administrator_required
def group_list(request: PageRequest) -> HttpResponse:
    return list_page(request, "groups", administration.resource_groups, title=_("Resource Groups"), hint=_("ID"))


@require_http_methods(["GET", "POST"])
@administrator_required
def group_create(request: PageRequest) -> HttpResponse:
    form = NewGroupForm(request.POST or None)

    def create() -> HttpResponse:
        values = form.cleaned_data
        group = create_resource_group(
            request.actor,
            values["group"],
            labels=values["labels"],
            connection=values["connection"],
            quotas=_quotas(form),
        )
        messages.success(request, _("The resource group %(id)s was created.") % {"id": group.pk})
        return redirect("groups")

    title, names = _("Create resource group"), {"resourceGroupId": "group"}
    return form_page(request, form, create, title=title, submit=_("Create"), parent=_parent(), names=names)


@require_http_methods(["GET", "POST"])
@administrator_required
def group_change(request: PageRequest, group_id: str) -> HttpResponse:
    """Show a resource group with its content; labels and quotas can be changed."""
    group = _group_or_404(request, group_id)
    initial = {name: getattr(group, name) for name in ("deployment_quota", "replica_quota", "labels")}
    form = GroupForm(request.POST or None, initial=initial)

    def change() -> HttpResponse:
        change_resource_group(request.actor, group, labels=form.cleaned_data["labels"], quotas=_quotas(form))
        messages.success(request, _("The resource group %(id)s was changed.") % {"id": group.pk})
        return redirect("groups")

    more: dict[str, Any] = {"group": group, "contents": _contents(group)}
    return form_page(request, form, change, "group", title=group.pk, submit=_("Save"), parent=_parent(), **more)


@require_http_methods(["GET", "POST"])
@administrator_required
def group_delete(request: PageRequest, group_id: str) -> HttpResponse:
    """Delete a group after a confirmation; if it is not empty, its id has to be typed."""
    group = _group_or_404(request, group_id)
    contents = _contents(group)

    def delete() -> HttpResponse:
        if contents:
            confirmed = request.POST.get("confirmed", "").strip()
            delete_resource_group_with_contents(request.actor, group, confirmed=confirmed)
            messages.info(request, _("%(id)s goes as soon as its deployments have ended.") % {"id": group.pk})
        else:
            delete_resource_group(request.actor, group)
            messages.success(request, _("%(id)s was deleted.") % {"id": group.pk})
        return onward(request, "groups")

    context = {"group": group, "contents": contents}
    return question_page(request, "group_delete", context, delete, back=reverse("group", args=[group.pk]))


def _group_or_404(request: PageRequest, group_id: str) -> ResourceGroup:
    return get_object_or_404(administration.resource_groups(request.actor), pk=group_id)


def _parent() -> tuple[str, str]:
    return "groups", _("Resource Groups")


def _quotas(form: GroupForm) -> Quotas:
    return Quotas(deployments=form.cleaned_data["deployment_quota"], replicas=form.cleaned_data["replica_quota"])


def _contents(group: ResourceGroup) -> list[tuple[str, int]]:
    labels = {
        "deployments": _("Deployments"),
        "configurations": _("Configurations"),
        "artifacts": _("Artifacts"),
        "secrets": _("Secrets"),
    }
    return [(labels[kind], count) for kind, count in contents_of(group).items()]
