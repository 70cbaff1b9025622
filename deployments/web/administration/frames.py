"""The three frames that most pages of the administration fill: a list with a search, a form, and a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django import forms
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from deployments.errors import InvalidInput, OperationRefused
from deployments.web.shell.form_problems import put_problems
from deployments.web.shell.guards import PageRequest
from deployments.web.shell.paging import page_of, text_of

Row = TypeVar("Row", bound=Model)
Act = Callable[[], HttpResponse]  # does what was asked for and says where to go on


def list_page(
    request: PageRequest, template: str, rows: Callable[..., QuerySet[Row, Any]], *, title: str, hint: str
) -> HttpResponse:
    """Render one page of what the search of the address finds.

    Args:
        template: extends `administration/list.html`.
        rows: a query that takes the actor and `text`.
        hint: what the search looks at.
    """
    text = text_of(request, "q")
    page = page_of(request, rows(request.actor, text=text))
    context = {"title": title, "page": page, "is_filtered": bool(request.GET), "text": text, "hint": hint}
    return render(request, f"administration/{template}.html", context)


def form_page(
    request: PageRequest,
    form: forms.Form,
    act: Act,
    template: str = "form",
    *,
    title: str,
    submit: str,
    parent: tuple[str, str],
    names: Mapping[str, str] | None = None,
    **more: Any,
) -> HttpResponse:
    """Do what a form that was sent asks for; render it otherwise, with status 422 when something in it was refused.

    Args:
        act: uses `form.cleaned_data`; what it refuses is put to the fields, or to the whole form.
        template: extends `administration/form.html`, or is it.
        submit: what its button says.
        parent: name of the address and title of the list that it belongs to.
        names: what the operation calls a field -> what the form calls it, where they differ.
        more: what the template shows beside it.
    """
    if form.is_valid():
        try:
            return act()
        except InvalidInput as error:
            put_problems(form, error, names)
        except OperationRefused as error:
            form.add_error(None, str(error))
    back, label = parent
    context = {"form": form, "title": title, "submit": submit, "back": reverse(back), "parent": label, **more}
    return render(request, f"administration/{template}.html", context, status=422 if form.is_bound else 200)


def question_page(
    request: PageRequest, template: str, context: dict[str, Any], act: Act, *, back: str
) -> HttpResponse:
    """Ask before something is done that cannot be undone; do it when that is confirmed.

    Args:
        template: extends `components/question.html`; takes `problem`, what was refused.
        back: address of the page to go back to.
    """
    problem = ""
    if request.method == "POST":
        try:
            return act()
        except (InvalidInput, OperationRefused) as error:
            problem = str(error)
    context = {**context, "back_url": back, "problem": problem}
    return render(request, f"administration/{template}.html", context, status=422 if problem else 200)


def onward(request: PageRequest, name: str) -> HttpResponse:
    """Go on to the page with that name, from a form as from one that htmx has sent."""
    address = reverse(name)
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)
