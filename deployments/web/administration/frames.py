"""The three kinds of pages of the administration: a list with a search, a form, and a confirmation."""

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
from deployments.web.shell.form_problems import add_problems
from deployments.web.shell.guards import PageRequest
from deployments.web.shell.paging import page_of, text_of

Row = TypeVar("Row", bound=Model)
Act = Callable[[], HttpResponse]  # runs the operation and returns the response


def list_page(
    request: PageRequest, template: str, rows: Callable[..., QuerySet[Row, Any]], *, title: str, hint: str
) -> HttpResponse:
    """Render a page of the rows that match the search.

    Args:
        template: extends `administration/list.html`.
        rows: a query that takes the actor and `text`.
        hint: which columns the search uses.
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
    """Run the operation of a valid form; otherwise render the form, with status 422 when it was refused.

    Args:
        act: uses `form.cleaned_data`; the problems that it reports are added to the fields or to the form.
        template: extends `administration/form.html`, or is it.
        submit: label of its button.
        parent: name of the URL, and title, of the list that it belongs to.
        names: the operation's name of a field -> the form's name, where they differ.
        more: additional context of the template.
    """
    if form.is_valid():
        try:
            return act()
        except InvalidInput as error:
            add_problems(form, error, names)
        except OperationRefused as error:
            form.add_error(None, str(error))
    back, label = parent
    context = {"form": form, "title": title, "submit": submit, "back": reverse(back), "parent": label, **more}
    return render(request, f"administration/{template}.html", context, status=422 if form.is_bound else 200)


def question_page(
    request: PageRequest, template: str, context: dict[str, Any], act: Act, *, back: str
) -> HttpResponse:
    """Ask for a confirmation of an operation that cannot be undone, and run it when it is confirmed.

    Args:
        template: extends `components/question.html`; shows `problem`, why the operation was refused.
        back: URL of the page to return to.
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
    """Redirect to the URL with that name, for a plain form and for one sent by htmx."""
    url = reverse(name)
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
