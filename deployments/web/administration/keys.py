"""Service keys: issued with a secret that is shown once, and revoked."""

from __future__ import annotations

import base64
import json

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from deployments.models import Role
from deployments.operations.service_keys import issue_service_key, revoke_service_key, service_key_file
from deployments.queries import administration
from deployments.web.administration.forms import KeyForm
from deployments.web.administration.frames import form_page, list_page, onward, question_page
from deployments.web.shell.guards import PageRequest, administrator_required
from deployments.web.shell.notices import isolated


@require_GET
@administrator_required
def key_list(request: PageRequest) -> HttpResponse:
    return list_page(
        request, "keys", administration.service_keys, title=_("Service Keys"), hint=_("Name or client ID")
    )


@never_cache
@require_http_methods(["GET", "POST"])
@administrator_required
def key_create(request: PageRequest) -> HttpResponse:
    """Issue a key; the answer shows its secret, once."""
    form = KeyForm(request.POST or None)

    def issue() -> HttpResponse:
        values = form.cleaned_data
        issued = issue_service_key(
            request.actor,
            name=values["name"],
            role=Role(values["role"]),
            groups=form.chosen_groups(),
            expires_at=values["expires_at"],
        )
        text = json.dumps(service_key_file(issued), indent=2) + "\n"
        file = base64.b64encode(text.encode()).decode()
        context = {"key": issued.key, "secret": issued.secret, "text": text, "file": file}
        return render(request, "administration/key_issued.html", context)

    lead = _("Credentials of a program for the API and for predictions.")
    parent = ("keys", _("Service Keys"))
    return form_page(request, form, issue, title=_("Create service key"), submit=_("Create"), parent=parent, lead=lead)


@require_http_methods(["GET", "POST"])
@administrator_required
def key_revoke(request: PageRequest, key_id: int) -> HttpResponse:
    """Revoke a key after a confirmation."""
    key = get_object_or_404(administration.service_keys(request.actor), pk=key_id)

    def revoke() -> HttpResponse:
        revoke_service_key(request.actor, key)
        messages.success(request, _("%(name)s was revoked.") % {"name": isolated(str(key))})
        return onward(request, "keys")

    return question_page(request, "key_revoke", {"key": key}, revoke, back=reverse("keys"))
