"""Shared by lists: parameters of the query string, and pages of rows."""

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
    """Return a parameter of the query string, stripped and limited to the length of what it can match."""
    return request.GET.get(name, "").strip()[:256].replace("\0", "")


def page_of(request: HttpRequest, rows: QuerySet[Row, Any], size: int = PAGE_SIZE) -> Page[Row]:
    """Return the page of `rows` in the query string; the nearest one when there is no such page."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def uuid_or_404(text: str) -> UUID:
    """Parse an id from a form or a query string."""
    pk = uuid_or_none(text)
    if pk is None:
        raise Http404
    return pk
