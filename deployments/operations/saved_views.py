"""Saved views: named filters of lists. Each belongs to one user, and only that user sees and changes it."""

from __future__ import annotations

from django.utils.translation import gettext

from deployments.errors import InvalidInput
from deployments.models import SavedView, User

MAX_VIEWS = 50  # per user
MAX_NAME, MAX_QUERY = 64, 2000  # characters


def save_view(user: User, name: str, query: str) -> SavedView:
    """Save filters under a name; a view with the same name is replaced.

    Raises:
        InvalidInput: "name" -> what is wrong.
    """
    name = name.strip().replace("\0", "")
    if not name or len(name) > MAX_NAME:
        limit = {"n": MAX_NAME}
        raise InvalidInput({"name": gettext("Give the view a name of at most %(n)s characters.") % limit})
    if len(query) > MAX_QUERY:
        raise InvalidInput({"name": gettext("These filters are too long to be kept.")})
    others = SavedView.objects.filter(user=user).exclude(name=name)
    if others.count() >= MAX_VIEWS:
        raise InvalidInput({"name": gettext("You have %(n)s views already. Delete one first.") % {"n": MAX_VIEWS}})
    return SavedView.objects.update_or_create(user=user, name=name, defaults={"query": query})[0]


def delete_view(user: User, pk: int) -> None:
    """Delete a view of a user; does nothing when there is none."""
    SavedView.objects.filter(user=user, pk=pk).delete()
