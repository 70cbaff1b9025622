"""The playground: one request to a deployment through the gateway, and snippets with a token of the user."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from deployments.errors import GatewayUnavailable, InvalidInput
from deployments.gateway import grants
from deployments.models import Deployment
from deployments.queries.deployment_details import state_of
from deployments.web.deployments.common import deployment_or_404
from deployments.web.deployments.details import overview_context
from deployments.web.deployments.playground_card import playground_context, sample_of
from deployments.web.deployments.playground_request import send
from deployments.web.shell.guards import PageRequest, sign_in_required

FOR_ONE_REQUEST = timedelta(minutes=1)
FOR_SNIPPETS = timedelta(hours=1)


@require_POST
@sign_in_required
def deployment_playground(request: PageRequest, deployment_id: str) -> HttpResponse:
    """Send the entered request and show the answer, its status and its duration."""
    deployment = deployment_or_404(request, deployment_id)
    state = state_of(deployment)
    sample = sample_of(state)
    entered = {
        "playground_method": request.POST.get("method", "").upper(),
        "playground_path": request.POST.get("path", ""),
        "playground_body": request.POST.get("body", "").replace("\r\n", "\n"),
    }
    result: dict[str, object] = {}
    if state.serving is None or sample is None:
        result["playground_problem"] = gettext("It has no URL now, so there is nothing to send the request to.")
    else:
        token, _ = _token(request, deployment, FOR_ONE_REQUEST)
        try:
            result["answer"] = answer = send(
                deployment.pk,
                method=entered["playground_method"],
                path=entered["playground_path"],
                body=entered["playground_body"] if entered["playground_method"] != "GET" else "",
                headers=sample.headers,
                token=token,
            )
            result["latency"] = _milliseconds(answer.seconds)
        except InvalidInput as error:
            result["playground_problems"] = error.problems
        except GatewayUnavailable as error:
            result["playground_problem"] = str(error)
    status = 422 if "playground_problems" in result else 200
    if request.htmx:
        return render(request, "deployments/_answer.html", result, status=status)
    context = overview_context(request, deployment) | entered | result
    return render(request, "deployments/overview.html", context, status=status)


@require_POST
@never_cache
@sign_in_required
def deployment_token(request: PageRequest, deployment_id: str) -> HttpResponse:
    """Show the snippets with a new token that is valid for an hour and is not stored."""
    deployment = deployment_or_404(request, deployment_id)
    token, expires_at = _token(request, deployment, FOR_SNIPPETS)
    context = overview_context(request, deployment)
    context |= playground_context(context["state"], token=token, expires_at=expires_at)
    template = "deployments/_snippets.html" if request.htmx else "deployments/overview.html"
    return render(request, template, context)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"


def _token(request: PageRequest, deployment: Deployment, lifetime: timedelta) -> tuple[str, datetime]:
    """Return a token of the user for predictions in the deployment's resource group, and when it expires."""
    seconds = int(lifetime.total_seconds())
    group_id = deployment.resource_group_id
    token = grants.issue_for_person(request.user, request.actor.role, group_id, lifetime_seconds=seconds)
    return token, timezone.now() + lifetime
