"""The checks that stand first in every operation, and in queries about what only some may see."""

from deployments.errors import NotAllowed, OperationRefused
from deployments.models import Actor, ResourceGroup, Role


def require(actor: Actor, role: Role, group: ResourceGroup | None = None) -> None:
    """Do nothing when `actor` may act with `role` (in `group`).

    Raises:
        NotAllowed: with a sentence naming the role that is missing.
        OperationRefused: the group is being deleted.
    """
    if not actor.may(role):
        raise NotAllowed(f"This needs the role {role.label}; {actor.name} is {actor.role.label}.")
    if group is not None and not actor.sees(group.pk):
        raise NotAllowed(f"The resource group {group.pk} is not among yours. Ask an administrator for access.")
    if group is not None:
        refuse_while_deleting(group)


def require_everywhere(actor: Actor) -> None:
    """Do nothing when `actor` is an administrator of all resource groups, as what concerns the whole needs.

    Raises:
        NotAllowed: with a sentence that says so.
    """
    require(actor, Role.ADMINISTRATOR)
    if actor.groups is not None:
        raise NotAllowed(f"This needs an administrator of all resource groups; {actor.name} is one of some.")


def refuse_while_deleting(group: ResourceGroup) -> None:
    """Do nothing when a group is there to stay.

    Raises:
        OperationRefused: it is being deleted with all it holds.
    """
    if group.deleting_since is not None:
        raise OperationRefused(f"The resource group {group.pk} is being deleted with all it holds.")
