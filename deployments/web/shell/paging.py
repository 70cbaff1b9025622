"""What lists share: the words of the address, and one page of many rows."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

from deployments.queries.filters import uuid_or_none

PAGE_SIZE = 25  # rows

Row = TypeVar("Row", bound=Model)


def text_of(request: HttpRequest, name: str) -> str:
    """Return what the address says for `name`, without spaces around it and not longer than anything it can match."""
    return request.GET.get(name, "").strip()[:256].replace("\0", "")


def page_of(request: HttpRequest, rows: QuerySet[Row, Any], size: int = PAGE_SIZE) -> Page[Row]:
    """Return the page of `rows` that the address asks for; the nearest one when there is no such page."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def uuid_or_404(text: str) -> UUID:
    """Return an id that came in a form or the address."""
    pk = uuid_or_none(text)
    if pk is None:
        raise Http404
    return pk
