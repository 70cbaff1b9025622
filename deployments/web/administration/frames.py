"""The two frames that most pages of the administration fill: a list with a search, and a form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from deployments.web.shell.guards import PageRequest
from deployments.web.shell.paging import page_of, text_of

Row = TypeVar("Row", bound=Model)


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
    template: str = "form",
    *,
    title: str,
    submit: str,
    parent: tuple[str, str],
    **more: Any,
) -> HttpResponse:
    """Render a form, with status 422 when something in it was refused.

    Args:
        template: extends `administration/form.html`, or is it.
        submit: what its button says.
        parent: name of the address and title of the list that it belongs to.
        more: what the template shows beside it.
    """
    back, label = parent
    context = {"form": form, "title": title, "submit": submit, "back": reverse(back), "parent": label, **more}
    return render(request, f"administration/{template}.html", context, status=422 if form.is_bound else 200)
