"""Creates and changes user accounts and issues sign-in links, for administrators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from deployments.auth.permissions import require_everywhere
from deployments.errors import AlreadyExists, InvalidInput, OperationRefused
from deployments.models import Actor, ResourceGroup, Role, SignInLink, User
from deployments.operations.audit import record


@dataclass(frozen=True, kw_only=True)
class Person:
    """The attributes of an account that administrators set.

    Args:
        groups: the resource groups that they may see, None for all.
    """

    role: Role
    groups: Sequence[ResourceGroup] | None = None
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    is_active: bool = True


def create_user(actor: Actor, username: str, person: Person) -> User:
    """Create an account without a password: the user signs in with a sign-in link and then chooses one.

    Raises:
        InvalidInput: "username" -> what is wrong.
        AlreadyExists: there is an account with this name.
    """
    require_everywhere(actor)
    user = User(username=User.normalize_username(username))
    user.set_unusable_password()
    try:
        user.clean_fields(exclude=[field.name for field in User._meta.fields if field.name != "username"])
    except ValidationError as error:
        raise InvalidInput({name: " ".join(sentences) for name, sentences in error.message_dict.items()}) from error
    try:
        with transaction.atomic():
            _write(user, person)
            record(actor.name, "create", user, after=_audited_values(user))
    except IntegrityError as error:
        raise AlreadyExists(
            {"username": _("There is somebody called %(username)s already.") % {"username": username}}
        ) from error
    return user


def change_user(actor: Actor, user: User, person: Person) -> None:
    """Change the attributes of an account; effective from the user's next request on.

    Raises:
        OperationRefused: administrators would remove their own access to the administration.
    """
    require_everywhere(actor)
    loses_administration = not person.is_active or person.role != Role.ADMINISTRATOR or person.groups is not None
    if user.get_username() == actor.name and loses_administration and not user.is_superuser:
        raise OperationRefused(_("You cannot take the administration away from yourself. Ask another administrator."))
    if user.is_superuser and not person.is_active and user.get_username() == actor.name:
        raise OperationRefused(_("You cannot lock yourself out. Ask another administrator."))
    before = _audited_values(user)
    with transaction.atomic():
        _write(user, person)
        record(actor.name, "update", user, before=before, after=_audited_values(user))


def issue_sign_in_link(actor: Actor, user: User) -> str:
    """Return the token of a new link that signs the user in once; earlier links become invalid.

    Raises:
        OperationRefused: the account is not active.
    """
    require_everywhere(actor)
    if not user.is_active:
        raise OperationRefused(
            _("%(name)s may not sign in. Make the account active first.") % {"name": user.get_username()}
        )
    with transaction.atomic():
        record(actor.name, "issue sign-in link", user)
        return SignInLink.issue(user)


def set_password(user: User, password: str) -> None:
    """Set the password that a user has chosen; the form has validated its strength."""
    user.set_password(password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        record(user.get_username(), "change password", user)


def _write(user: User, person: Person) -> None:
    user.role, user.all_groups = person.role, person.groups is None
    user.first_name, user.last_name, user.email = person.first_name, person.last_name, person.email
    user.is_active = person.is_active
    user.save()
    user.resource_groups.set(person.groups or [])


def _audited_values(user: User) -> dict[str, object]:
    groups = None if user.all_groups else sorted(user.resource_groups.values_list("pk", flat=True))
    return {"role": user.role, "groups": groups, "active": user.is_active, "email": user.email}
