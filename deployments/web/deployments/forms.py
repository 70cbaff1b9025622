"""The forms of the pages of deployments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments.lifecycle import parse_ttl
from deployments.models import Replica
from deployments.queries.deployment_filters import FILTERS
from deployments.queries.deployment_logs import LogFilter
from deployments.queries.deployments import NEWEST, PAGE_SIZES, SORTS, DeploymentFilter
from deployments.queries.filters import values_from

UNITS = {"m": _("minutes"), "h": _("hours"), "d": _("days")}
STREAMS = {"stdout": _("Output"), "stderr": _("Errors"), "launchpad": _("Launchpad")}
_CONTROL = {"autocomplete": "off"}


def selection_from(query: QueryDict) -> DeploymentFilter:
    """Return the filter in the query string of a list; invalid values are ignored."""
    sort, size = query.get("sort", NEWEST), query.get("size", "")
    return DeploymentFilter(
        values=values_from(FILTERS, query),
        sort=sort if sort.removeprefix("-") in SORTS else NEWEST,
        size=int(size) if size.isdecimal() and int(size) in PAGE_SIZES else PAGE_SIZES[0],
    )


class DurationForm(forms.Form):
    """The duration of a deployment: without limit, or a number of minutes, hours or days."""

    kind = forms.ChoiceField(
        choices=[("standard", _("Standard")), ("custom", _("Custom"))], initial="standard", widget=forms.RadioSelect
    )
    number = forms.CharField(
        label=_("Duration"),
        required=False,
        max_length=7,
        widget=forms.TextInput(attrs={"inputmode": "numeric", **_CONTROL}),
    )
    unit = forms.ChoiceField(label=_("Unit"), choices=list(UNITS.items()), initial="h", required=False)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("kind") == "custom":
            try:
                if parse_ttl(self.as_ttl(values)) is None:
                    raise ValueError(_("Write how long it may run, or choose the standard duration."))
            except ValueError as error:
                self.add_error("number", str(error))
        return values

    @staticmethod
    def as_ttl(values: dict[str, Any]) -> str:
        """Return the duration in the format of the AI API, `""` for without limit."""
        if values.get("kind") != "custom" or not values.get("number", "").strip():
            return ""
        return f"{values['number'].strip()}{values.get('unit') or 'h'}"


class LogForm(forms.Form):
    """The filters of a log."""

    q = forms.CharField(label=_("Search"), required=False, max_length=256)
    order = forms.ChoiceField(
        label=_("Order"), required=False, choices=[("", _("Newest first")), ("oldest", _("Oldest first"))]
    )
    replica = forms.ChoiceField(label=_("Replica"), required=False)
    attempt = forms.IntegerField(label=_("Attempt"), required=False, min_value=1)
    stream = forms.ChoiceField(label=_("Stream"), required=False, choices=[("", _("All streams")), *STREAMS.items()])
    start = forms.DateTimeField(label=_("From"), required=False)
    end = forms.DateTimeField(label=_("To"), required=False)

    def __init__(self, query: QueryDict, replicas: Sequence[Replica]) -> None:
        super().__init__(query)
        names = [(replica.name, _short(replica)) for replica in replicas]
        self.fields["replica"] = forms.ChoiceField(
            label=_("Replica"), required=False, choices=[("", _("All replicas")), *names]
        )
        for name in ("start", "end"):
            self.fields[name].widget = forms.DateTimeInput(
                format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local", "step": "1"}
            )

    def log_filter(self) -> LogFilter:
        """Return the valid filters; invalid ones are ignored and have errors at their fields."""
        self.is_valid()
        values = self.cleaned_data
        return LogFilter(
            text=values.get("q", ""),
            start=values.get("start"),
            end=values.get("end"),
            replica=values.get("replica", ""),
            attempt=values.get("attempt"),
            stream=values.get("stream", ""),
            newest_first=values.get("order", "") != "oldest",
        )


class UpdateForm(forms.Form):
    """The new configuration of a deployment, and whether to roll back when it fails."""

    configuration = forms.UUIDField(
        error_messages={"required": _("Choose a configuration."), "invalid": _("Choose a configuration of the list.")}
    )
    rollback_on_failure = forms.BooleanField(required=False)


def moment_from(text: str) -> datetime | None:
    """Parse an aware time in a URL (ISO 8601), None when it is not valid."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if timezone.is_aware(moment) else None


def _short(replica: Replica) -> str:
    return f"{replica.generation.number}-{replica.number}"
