"""The difference between two configurations, which an update would apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from deployments.models import Artifact, Configuration

MAX_CHOICES = 50


@dataclass(frozen=True, kw_only=True)
class Row:
    """One name with its value in both; None where it has none. `change`: "changed", "added", "removed" or "same"."""

    name: str
    before: str | None
    after: str | None
    is_input: bool = False

    @property
    def change(self) -> str:
        if self.before == self.after:
            return "same"
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The parameters and input artifacts of two configurations, and the executable when it differs."""

    executable: Row | None
    changed: Sequence[Row]
    same: Sequence[Row]

    @property
    def is_none(self) -> bool:
        return not (self.executable or self.changed)


def difference(before: Configuration, after: Configuration) -> Difference:
    """Compare two configurations, in one query; input artifacts are compared by id and displayed by name."""
    ids = set(before.inputs.values()) | set(after.inputs.values())
    names = {str(pk): name for pk, name in Artifact.objects.filter(pk__in=ids).values_list("pk", "name")}
    duplicates = {name for name in names.values() if list(names.values()).count(name) > 1}

    def labelled(inputs: Mapping[str, str]) -> dict[str, str]:
        labels = {slot: names.get(pk, pk) for slot, pk in inputs.items()}
        return {slot: f"{label} ({inputs[slot]})" if label in duplicates else label for slot, label in labels.items()}

    executable = Row(name="", before=_title(before), after=_title(after))
    rows = _rows(before.parameters, after.parameters) + _rows(
        labelled(before.inputs), labelled(after.inputs), is_input=True
    )
    return Difference(
        executable=None if executable.change == "same" else executable,
        changed=[row for row in rows if row.change != "same"],
        same=[row for row in rows if row.change == "same"],
    )


def configuration_choices(
    group_id: str, *, scenario_id: str = "", executable_id: str = "", text: str = ""
) -> tuple[Sequence[Configuration], bool]:
    """Return the newest configurations that can be chosen, at most MAX_CHOICES, and whether there are more."""
    rows = Configuration.objects.filter(resource_group_id=group_id).select_related("executable", "scenario")
    if scenario_id:
        rows = rows.filter(scenario=scenario_id)
    if executable_id:
        rows = rows.filter(executable=executable_id)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(pk__in=_id(text)))
    chosen = list(rows.defer("executable__text")[: MAX_CHOICES + 1])
    return chosen[:MAX_CHOICES], len(chosen) > MAX_CHOICES


def _id(text: str) -> Sequence[str]:
    """Return a list with the text when it is an id, else an empty one."""
    compact = text.replace("-", "")
    return [compact] if len(compact) == 32 and all(c in "0123456789abcdefABCDEF" for c in compact) else []


def _title(configuration: Configuration) -> str:
    return f"{configuration.executable.name} {configuration.executable.version}".strip()


def _rows(before: Mapping[str, str], after: Mapping[str, str], *, is_input: bool = False) -> list[Row]:
    return [
        Row(name=name, before=before.get(name), after=after.get(name), is_input=is_input)
        for name in {**before, **after}
    ]
