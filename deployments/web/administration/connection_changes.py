"""Adding, changing, testing, disabling and deleting connections."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deployments.errors import InvalidInput, OperationRefused, RuntimeUnavailable
from deployments.models import Connection, ConnectionOffer, offered_kinds
from deployments.operations import connections as operations
from deployments.queries import administration
from deployments.queries.inquiries import TestResult, test_result
from deployments.runtimes.kind import Capabilities, Driver
from deployments.web.administration.connection_forms import ConnectionForm
from deployments.web.administration.frames import Act, form_page, onward, question_page
from deployments.web.shell.form_problems import add_problems
from deployments.web.shell.guards import PageRequest, administrator_required

_PARENT = "connections"


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
@administrator_required
def connection_add(request: PageRequest) -> HttpResponse:
    """Choose a kind where there are several, and enter what a connection of it needs."""
    kinds = dict(offered_kinds())
    kind = request.POST.get("kind") or request.GET.get("kind") or (next(iter(kinds)) if len(kinds) == 1 else "")
    if kind not in kinds:
        context = {"title": _("Add connection"), "kinds": _choices(kinds)}
        return render(request, "administration/connection_kinds.html", context)
    blank = Connection(kind=kind)
    form = ConnectionForm(request.POST or None, driver=blank.driver)

    def add() -> HttpResponse:
        secrets = {name: text for name, text in form.secrets().items() if text}
        made = operations.create_connection(
            request.actor, name=form.cleaned_data["name"], kind=kind, options=form.options(), secrets=secrets
        )
        messages.success(request, _("The connection %(name)s was added.") % {"name": made.name})
        return redirect("connection", made.name)

    title = _("Add connection: %(kind)s") % {"kind": blank.kind_label}
    return _form_page(request, form, add, blank, title=title, submit=_("Add"))


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
@administrator_required
def connection_change(request: PageRequest, name: str) -> HttpResponse:
    connection = _connection_or_404(request, name)
    form = ConnectionForm(
        request.POST or None,
        driver=_driver_of(connection),
        name=connection.name,
        initial_options=connection.options or {},
        stored_secrets=_stored_secrets(connection),
    )

    def change() -> HttpResponse:
        operations.change_connection(
            request.actor,
            connection,
            name=form.cleaned_data["name"],
            options=form.options(),
            secrets=form.secrets(),
        )
        messages.success(request, _("The connection %(name)s was changed.") % {"name": connection.name})
        return redirect("connection", connection.name)

    title = _("Change connection %(name)s") % {"name": name}
    return _form_page(request, form, change, connection, title=title, submit=_("Save"))


@require_GET
@administrator_required
def connection_test(request: PageRequest, inquiry_id: str) -> HttpResponse:
    """Render what a test has found so far; asked for again until it has ended."""
    return render(request, "administration/_connection_test.html", {"test": test_result(request.actor, inquiry_id)})


@require_POST
@administrator_required
def connection_enabled(request: PageRequest, name: str) -> HttpResponse:
    """Disable a connection, or enable it again."""
    connection = _connection_or_404(request, name)
    if request.POST.get("enabled") == "0":
        operations.disable_connection(request.actor, connection)
        text = _("The connection %(name)s takes no new deployments any more. What runs there goes on.")
    else:
        operations.enable_connection(request.actor, connection)
        text = _("The connection %(name)s takes deployments again.")
    messages.success(request, text % {"name": connection.name})
    return redirect("connection", connection.name)


@require_http_methods(["GET", "POST"])
@administrator_required
def connection_delete(request: PageRequest, name: str) -> HttpResponse:
    """Delete a connection after a confirmation; while resource groups live on it, say which."""
    connection = _connection_or_404(request, name)

    def delete() -> HttpResponse:
        operations.delete_connection(request.actor, connection)
        messages.success(request, _("%(name)s was deleted.") % {"name": connection.name})
        return onward(request, "connections")

    context = {"connection": connection, "reason": operations.deletion_problem(connection)}
    back = reverse("connection", args=[connection.name])
    return question_page(request, "connection_delete", context, delete, back=back)


@require_POST
@administrator_required
def offer_add(request: PageRequest, offer_id: int) -> HttpResponse:
    """Add the connection that is offered."""
    offer = _offer_or_404(request, offer_id)
    try:
        made = operations.add_offered_connection(request.actor, offer)
    except InvalidInput as error:
        messages.error(request, str(error))
        return redirect("connections")
    messages.success(request, _("The connection %(name)s was added.") % {"name": made.name})
    return redirect("connection", made.name)


@require_POST
@administrator_required
def offer_dismiss(request: PageRequest, offer_id: int) -> HttpResponse:
    """Show an offer to nobody any more."""
    offer = _offer_or_404(request, offer_id)
    operations.dismiss_offer(request.actor, offer)
    return redirect("connections")


def _form_page(
    request: PageRequest, form: ConnectionForm, act: Act, connection: Connection, *, title: str, submit: str
) -> HttpResponse:
    """Save a connection, or test what was entered: then htmx gets only what the test says."""
    if "test" in request.POST or "result" in request.POST:
        test, problems = _test(request, form, connection)
        context: dict[str, object] = {
            "test": test,
            "problems": problems,
            "form": form,
            "title": title,
            "submit": submit,
        }
        context |= {"connection": connection, "back": reverse(_PARENT), "parent": _("Connections")}
        template = "_connection_test" if request.htmx else "connection_form"
        return render(request, f"administration/{template}.html", context)
    return form_page(
        request,
        form,
        act,
        "connection_form",
        title=title,
        submit=submit,
        parent=(_PARENT, _("Connections")),
        connection=connection,
    )


def _test(request: PageRequest, form: ConnectionForm, connection: Connection) -> tuple[TestResult | None, list[str]]:
    """Return how far a test is, which begins unless it has begun, and the problems that keep it from beginning."""
    if inquiry_id := request.POST.get("result"):
        return test_result(request.actor, inquiry_id), []
    form.errors.pop("name", None)  # what is tested needs none yet
    if form.errors:
        return None, form.problems()
    try:
        inquiry_id = operations.request_test(
            request.actor,
            kind=connection.kind,
            options=form.options(),
            secrets=form.secrets(),
            connection=connection if connection.pk else None,
        )
    except InvalidInput as error:
        add_problems(form, error)
        return None, list(error.problems.values())
    except OperationRefused as error:
        return None, [str(error)]
    return test_result(request.actor, inquiry_id), []


def _choices(kinds: Mapping[str, str]) -> list[tuple[str, str, Capabilities]]:
    """Return kind, label and capabilities of the runtimes to choose from."""
    return [(kind, label, Connection(kind=kind).driver.capabilities) for kind, label in kinds.items()]


def _driver_of(connection: Connection) -> Driver:
    """Return the driver of a connection.

    Raises:
        OperationRefused: this version of Launchpad does not have it.
    """
    try:
        return connection.driver
    except RuntimeUnavailable as error:
        raise OperationRefused(str(error)) from error


def _stored_secrets(connection: Connection) -> list[str]:
    """Return the names of its secrets; none when they cannot be decrypted any more, so that they are entered again."""
    try:
        return list(connection.secrets())
    except RuntimeUnavailable:
        return []


def _connection_or_404(request: PageRequest, name: str) -> Connection:
    return get_object_or_404(administration.connections(request.actor), name=name)


def _offer_or_404(request: PageRequest, offer_id: int) -> ConnectionOffer:
    for offer in administration.connection_offers(request.actor):
        if offer.pk == offer_id:
            return offer
    raise Http404
