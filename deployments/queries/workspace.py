"""The workspace of a user: the resource groups that the user may see, and the selected one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deployments.models import Actor, ResourceGroup


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The selected resource group, and all that the user may see.

    Args:
        group: the selected one, with its connection loaded.
        groups: all that the user may select, ordered by connection and id.
    """

    group: ResourceGroup
    groups: Sequence[ResourceGroup]

    @property
    def group_ids(self) -> list[str]:
        """The ids of all groups that the user may see."""
        return [group.pk for group in self.groups]

    def entering(self, group_id: str) -> Workspace | None:
        """Return the same workspace with another of its groups, None when there is none with that id."""
        group = next((group for group in self.groups if group.pk == group_id), None)
        return None if group is None else replace(self, group=group)


def visible_groups(actor: Actor) -> list[ResourceGroup]:
    """Return the resource groups that exist for `actor`, with their connections, in one query."""
    groups = ResourceGroup.objects.select_related("connection__status").order_by("connection__name", "id")
    if actor.groups is not None:
        groups = groups.filter(pk__in=actor.groups)
    return list(groups)


def workspace_of(actor: Actor, chosen: str | None) -> Workspace | None:
    """Return the workspace with the group `chosen`, or the first group when that one may not be seen (any more).

    Returns:
        None when there is no group that `actor` may see.
    """
    groups = visible_groups(actor)
    if not groups:
        return None
    return Workspace(group=next((group for group in groups if group.pk == chosen), groups[0]), groups=groups)
