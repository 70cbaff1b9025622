"""The audit log and its filters. It is for administrators of all resource groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from deployments.auth.permissions import require_everywhere
from deployments.models import Actor, AuditEntry, ResourceGroup, kind_name
from deployments.queries.filters import Choices, Filter, equals, filtered, period_filter

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

CHANNELS = ("page", "api", "admin", "command")


def _mentions(text: str) -> Q:
    names = Q(actor__icontains=text) | Q(object_id__icontains=text) | Q(name__icontains=text)
    return names | Q(address__icontains=text)


def _words(column: str) -> list[str]:
    return sorted(AuditEntry.objects.order_by().values_list(column, flat=True).distinct())


def _choice(name: str, label: StrPromise, all_label: StrPromise, choices: Callable[[], Choices]) -> Filter:
    def offered(values: Mapping[str, str]) -> Choices:
        return choices()

    return Filter(name=name, label=label, condition=equals(name), choices=offered, all_label=all_label)


FILTERS = (
    Filter(name="q", label=_("Search"), condition=_mentions, hint=_("By, ID, name or address")),
    period_filter("at", name="period", label=_("Time")),
    _choice("action", _("Action"), _("All actions"), lambda: [(word, word) for word in _words("action")]),
    _choice("kind", _("Object"), _("All objects"), lambda: [(word, kind_name(word)) for word in _words("kind")]),
    _choice(
        "group",
        _("Resource group"),
        _("All resource groups"),
        lambda: [(pk, pk) for pk in ResourceGroup.objects.values_list("pk", flat=True)],
    ),
    _choice("channel", _("From"), _("Anywhere"), lambda: [(word, word) for word in CHANNELS]),
)


def audit_entries(actor: Actor, values: Mapping[str, str]) -> QuerySet[AuditEntry]:
    """Return the entries of the audit log that the filters let through, newest first.

    Args:
        values: name of a filter -> value.
    """
    require_everywhere(actor)
    return filtered(AuditEntry.objects.all(), FILTERS, values)
