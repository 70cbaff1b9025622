"""The filters of the list of deployments, on its page and in the AI API alike. A new one is one more row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments.lifecycle import Status
from deployments.models import Executable, Scenario
from deployments.queries.filters import PERIOD_LABELS, PERIODS, Choices, Filter, equals, equals_uuid, uuid_or_none


def scenario_choices(values: Mapping[str, str]) -> Choices:
    """Return all scenarios."""
    return list(Scenario.objects.values_list("pk", "name"))


def executable_choices(values: Mapping[str, str]) -> Choices:
    """Return the deployment templates, those of the chosen scenario alone when one is chosen."""
    rows = Executable.objects.values_list("pk", "name", "version", "scenario_id")
    chosen = values.get("scenario", "")
    return [(pk, f"{name} {version}".strip()) for pk, name, version, scenario in rows if chosen in {"", scenario}]


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
    Filter(
        name="scenario",
        label=_("Scenario"),
        condition=equals("configuration__scenario"),
        choices=scenario_choices,
        all_label=_("All scenarios"),
        parameter="scenarioId",
    ),
    Filter(
        name="executable",
        label=_("Template"),
        condition=equals("configuration__executable"),
        choices=executable_choices,
        all_label=_("All templates"),
        parameter="executableIds",
        annotation=list[str],
    ),
    Filter(
        name="configuration",
        label=_("Configuration"),
        condition=equals_uuid("configuration"),
        parameter="configurationId",
    ),
    Filter(
        name="created",
        label=_("Created"),
        condition=lambda value: Q(created_at__gte=timezone.now() - PERIODS[value]),
        parse=lambda value: value if value in PERIODS else "",
        choices=lambda values: [(value, str(label)) for value, label in PERIOD_LABELS.items()],
        all_label=_("Any time"),
    ),
)
