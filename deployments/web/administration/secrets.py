"""Secrets: names and keys are visible, values can only be replaced."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from deployments.errors import InvalidInput
from deployments.models import Role, Secret
from deployments.operations.secrets import create_secret, delete_secret, replace_secret
from deployments.queries.secrets import templates_using, visible_secrets
from deployments.web.administration.forms import SecretForm, value_forms, values_in
from deployments.web.administration.frames import list_page, onward, question_page
from deployments.web.administration.registry_secrets import replace_registry_secret
from deployments.web.shell.form_problems import add_problems
from deployments.web.shell.guards import PageRequest, needs, sign_in_required


@require_GET
@sign_in_required
@needs(Role.ADMINISTRATOR)
def secret_list(request: PageRequest) -> HttpResponse:
    return list_page(request, "secrets", visible_secrets, title=_("Secrets"), hint=_("Name"))


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.ADMINISTRATOR)
def secret_create(request: PageRequest) -> HttpResponse:
    form = SecretForm(request)
    more = "more" in request.POST
    rows = value_forms(request.POST or None, more=more)
    if request.method == "POST" and not more and form.is_valid() and rows.is_valid():
        try:
            secret = create_secret(
                request.actor, form.resource_group, name=form.cleaned_data["name"], values=values_in(rows)
            )
        except InvalidInput as error:
            add_problems(form, error)
        else:
            messages.success(request, _("The secret %(name)s was created.") % {"name": secret.name})
            return redirect("secrets")
    status = 422 if form.is_bound and not more else 200
    context = {"form": form, "rows": rows, "title": _("Create secret"), "submit": _("Create"), **_parent()}
    return render(request, "administration/secret.html", context, status=status)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.ADMINISTRATOR)
def secret_replace(request: PageRequest, secret_id: int) -> HttpResponse:
    """Show the keys of a secret, and replace all values."""
    secret = _secret_or_404(request, secret_id)
    if secret.is_of_registry:
        return replace_registry_secret(request, secret)
    more = "more" in request.POST
    rows = value_forms(request.POST or None, keys=secret.keys, more=more)
    problem = ""
    if request.method == "POST" and not more and rows.is_valid():
        try:
            replace_secret(request.actor, secret, values_in(rows))
        except InvalidInput as error:
            problem = str(error)
        else:
            messages.success(request, _("The secret %(name)s has new values.") % {"name": secret.name})
            return redirect("secrets")
    context = {"secret": secret, "rows": rows, "problem": problem, "templates": templates_using(secret)}
    context |= {"title": secret.name, "submit": _("Replace the values"), **_parent()}
    status = 422 if request.method == "POST" and not more else 200
    return render(request, "administration/secret.html", context, status=status)


@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.ADMINISTRATOR)
def secret_delete(request: PageRequest, secret_id: int) -> HttpResponse:
    """Delete a secret after a confirmation."""
    secret = _secret_or_404(request, secret_id)

    def delete() -> HttpResponse:
        delete_secret(request.actor, secret)
        messages.success(request, _("%(name)s was deleted.") % {"name": secret.name})
        return onward(request, "secrets")

    context = {"secret": secret, "templates": templates_using(secret)}
    return question_page(request, "secret_delete", context, delete, back=reverse("secret", args=[secret.pk]))


def _parent() -> dict[str, str]:
    return {"back": reverse("secrets"), "parent": _("Secrets")}


def _secret_or_404(request: PageRequest, secret_id: int) -> Secret:
    return get_object_or_404(visible_secrets(request.actor), pk=secret_id)
