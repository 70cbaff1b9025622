"""Chips, columns and saved views of the list of deployments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy

from deployments.models import SavedView, User
from deployments.queries.deployments import COLUMNS, DEFAULT_COLUMNS
from deployments.queries.filters import Field

COLUMN_LABELS = {
    "scenario": gettext_lazy("Scenario / Template"),
    "target": gettext_lazy("Target Status"),
    "created": gettext_lazy("Created On"),
    "changed": gettext_lazy("Changed On"),
    "until": gettext_lazy("Running Until"),
    "creator": gettext_lazy("Created By"),
}


def list_query(request: HttpRequest) -> QueryDict:
    """Return the query string of the list without the parameters that only polls have."""
    query = request.GET.copy()
    for name in ("v", "group", "empty"):
        query.pop(name, None)
    return query


def list_address(kept: QueryDict, **changes: str) -> str:
    """Return the URL of the list with changed parameters; an empty value removes a parameter."""
    query = changed_query(kept, **changes)
    return f"{reverse('deployments')}?{query}" if query else reverse("deployments")


def changed_query(kept: QueryDict, **changes: str) -> str:
    query = kept.copy()
    for name, value in changes.items():
        if value:
            query[name] = value
        else:
            query.pop(name, None)
    return query.urlencode()


def chips(fields: Sequence[Field], kept: QueryDict) -> list[dict[str, str]]:
    """Return the active filters, each with the URL of the list without it."""
    return [
        {
            "label": str(field.filter.label),
            "value": field.text,
            "url": list_address(kept, page="", **{field.filter.name: ""}),
        }
        for field in fields
        if field.value
    ]


def visible_columns(user: User) -> list[str]:
    """Return the columns that a user has chosen, in the order of COLUMNS."""
    chosen = user.deployment_columns
    return [name for name in COLUMNS if name in (DEFAULT_COLUMNS if chosen is None else chosen)]


def column_choices(user: User) -> list[dict[str, Any]]:
    visible = visible_columns(user)
    return [{"name": name, "label": COLUMN_LABELS[name], "shown": name in visible} for name in COLUMNS]


def saved_views(user: User, kept: QueryDict) -> list[dict[str, Any]]:
    """Return a user's views with their URLs; the current one is marked."""
    current = _comparable(kept)
    home = reverse("deployments")
    return [
        {
            "pk": view.pk,
            "name": view.name,
            "url": f"{home}?{view.query}" if view.query else home,
            "current": _comparable(QueryDict(view.query)) == current,
        }
        for view in SavedView.objects.filter(user=user)
    ]


def _comparable(query: QueryDict) -> dict[str, object]:
    return {name: value for name, value in query.items() if name != "page" and value}
