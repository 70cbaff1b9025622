"""The notifications about the user's own deployments."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from deployments.models import User
from deployments.queries.notifications import notifications_of
from deployments.web.shell.guards import PageRequest, local_address, sign_in_required


@require_http_methods(["GET", "POST"])
@sign_in_required
def notifications(request: PageRequest) -> HttpResponse:
    """Show the last notifications; POST marks all of them as read."""
    if request.method == "POST":
        User.objects.filter(pk=request.user.pk).update(notified_at=timezone.now())
        return redirect(local_address(request, request.POST.get("next"), "overview"))
    return render(request, "access/notifications.html", {"events": notifications_of(request.user)})
