"""Credentials of container registries: a form that writes the secret which `imagePullSecrets` of templates name."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from deployments.models import DOCKER_CONFIG_KEY, Role, Secret
from deployments.operations.registry_credentials import docker_config
from deployments.operations.secrets import create_secret, replace_secret
from deployments.queries.secrets import templates_using
from deployments.web.administration.forms import NewRegistryForm, RegistryForm
from deployments.web.administration.frames import form_page
from deployments.web.shell.guards import PageRequest, needs, sign_in_required

_NAMES = {f"data.{DOCKER_CONFIG_KEY}": "registry"}


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
@sign_in_required
@needs(Role.ADMINISTRATOR)
def registry_secret_create(request: PageRequest) -> HttpResponse:
    form = NewRegistryForm(request)

    def create() -> HttpResponse:
        secret = create_secret(
            request.actor, form.resource_group, name=form.cleaned_data["name"], values=_values(form)
        )
        messages.success(request, _("The secret %(name)s was created.") % {"name": secret.name})
        return redirect("secrets")

    lead = _("What opens a private container registry. Templates name it in imagePullSecrets.")
    title, parent = _("Registry credentials"), ("secrets", _("Secrets"))
    return form_page(request, form, create, title=title, submit=_("Create"), parent=parent, names=_NAMES, lead=lead)


def replace_registry_secret(request: PageRequest, secret: Secret) -> HttpResponse:
    """Show the form for other credentials in a secret; those that it holds are not shown."""
    form = RegistryForm(request.POST or None)

    def replace() -> HttpResponse:
        replace_secret(request.actor, secret, _values(form))
        messages.success(request, _("The secret %(name)s has new values.") % {"name": secret.name})
        return redirect("secrets")

    more = {"secret": secret, "templates": templates_using(secret)}
    submit, parent = _("Replace the credentials"), ("secrets", _("Secrets"))
    return form_page(
        request,
        form,
        replace,
        "registry_secret",
        title=secret.name,
        submit=submit,
        parent=parent,
        names=_NAMES,
        **more,
    )


def _values(form: RegistryForm) -> dict[str, str]:
    given = form.cleaned_data
    return {DOCKER_CONFIG_KEY: docker_config(given["registry"], given["user"], given["password"])}
