"""The permission checks at the start of every operation, and of queries that only some roles may run."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext as _

from deployments.errors import NotAllowed, OperationRefused
from deployments.models import Actor, ResourceGroup, Role, User


def require(actor: Actor, role: Role, group: ResourceGroup | None = None) -> None:
    """Do nothing when `actor` may act with `role` (in `group`).

    Raises:
        NotAllowed: with a sentence naming the role that is missing.
        OperationRefused: the group is being deleted.
    """
    if not actor.may(role):
        raise NotAllowed(
            _("This needs the role %(role)s; %(name)s is %(own)s.")
            % {"role": role.label, "name": actor.name, "own": actor.role.label}
        )
    if group is not None and not actor.sees(group.pk):
        raise NotAllowed(
            _("The resource group %(group)s is not among yours. Ask an administrator for access.")
            % {"group": group.pk}
        )
    if group is not None:
        refuse_while_deleting(group)


def require_everywhere(actor: Actor) -> None:
    """Do nothing when `actor` is an administrator of all resource groups, which installation-wide actions need.

    Raises:
        NotAllowed: with a sentence that says so.
    """
    require(actor, Role.ADMINISTRATOR)
    if actor.groups is not None:
        raise NotAllowed(
            _("This needs an administrator of all resource groups; %(name)s is one of some.") % {"name": actor.name}
        )


def refuse_while_deleting(group: ResourceGroup) -> None:
    """Do nothing unless the group is being deleted.

    Raises:
        OperationRefused: it is being deleted with all its content.
    """
    if group.deleting_since is not None:
        raise OperationRefused(
            _("The resource group %(group)s is being deleted with all it holds.") % {"group": group.pk}
        )


def may_administer(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Return whether a user may use the admin site: it shows every resource group, so access to all is needed."""
    if not isinstance(user, User) or not user.is_active:
        return False
    return user.is_superuser or (user.role == Role.ADMINISTRATOR and user.all_groups)
