"""Shared by all pages of one deployment."""

from __future__ import annotations

from django.http import Http404
from django.utils.translation import gettext as _

from deployments.lifecycle import Action, Status, TargetStatus, why_not
from deployments.models import Deployment, Role
from deployments.queries.deployment_details import find_deployment
from deployments.web.shell.guards import PageRequest, enter_group


def deployment_or_404(request: PageRequest, deployment_id: str) -> Deployment:
    """Return a deployment that the user may see, and enter its resource group.

    Raises:
        Http404: it does not exist, or is in a group that the user may not see.
    """
    deployment = find_deployment(request.workspace.group_ids, deployment_id)
    if deployment is None:
        raise Http404
    enter_group(request, deployment.resource_group_id)
    return deployment


def reason_against(request: PageRequest, deployment: Deployment, action: Action) -> str:
    """Return why the user cannot run an action now, `""` when it is allowed."""
    if not request.actor.may(Role.EDITOR):
        roles = {"role": Role.EDITOR.label, "own": request.actor.role.label}
        return _("This needs the role %(role)s; yours is %(own)s.") % roles
    return why_not(action, Status(deployment.status), TargetStatus(deployment.target_status))
