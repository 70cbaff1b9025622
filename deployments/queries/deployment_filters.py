"""The filters of the list of deployments, both for its page and for the AI API. A new filter is one more row."""

from __future__ import annotations

from typing import Literal

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from deployments.lifecycle import Status
from deployments.queries.filters import (
    Filter,
    equals,
    equals_uuid,
    executable_filter,
    period_filter,
    scenario_filter,
    uuid_or_none,
)


def _status(value: str) -> str:
    return value.upper() if value.upper() in Status.__members__ else ""


def _mentions(text: str) -> Q:
    matches = Q(pk__icontains=text) | Q(configuration__name__icontains=text)
    pk = uuid_or_none(text)
    return matches | Q(configuration=pk) if pk else matches


STATUS = Filter(
    name="status",
    label=_("Status"),
    condition=equals("status"),
    parse=_status,
    parameter="status",
    annotation=Literal["PENDING", "RUNNING", "COMPLETED", "DEAD", "STOPPING", "STOPPED", "UNKNOWN", ""],
)
FILTERS = (
    STATUS,
    Filter(name="q", label=_("Search"), condition=_mentions, hint=_("ID or configuration")),
    scenario_filter("configuration__scenario"),
    executable_filter("configuration__executable"),
    Filter(
        name="configuration",
        label=_("Configuration"),
        condition=equals_uuid("configuration"),
        parameter="configurationId",
    ),
    period_filter("created_at", name="created", label=_("Created")),
)
