"""What the lists of the administration share: a search, pages, and the same frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from deployments.web.access import PageRequest
from deployments.web.pages import page_of, text_of

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
    context = {"title": title, "page": page_of(request, rows(request.actor, text=text)), "text": text, "hint": hint}
    return render(request, f"administration/{template}.html", context)
