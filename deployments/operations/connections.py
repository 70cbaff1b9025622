"""Adds, changes, disables and deletes connections, and asks a worker to test them, for administrators.

A worker asks the runtime: nothing here waits for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from deployments import broker, inquiries, tasks
from deployments.auth.permissions import require_everywhere
from deployments.errors import AlreadyExists, InvalidInput, OperationRefused, RuntimeUnavailable
from deployments.inquiries import Question, Subject
from deployments.models import Actor, Connection, ConnectionOffer
from deployments.operations.audit import record
from deployments.storage.secrets import encrypt

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHOWN_GROUPS = 5


def create_connection(
    actor: Actor, *, name: str, kind: str, options: Mapping[str, Any], secrets: Mapping[str, str]
) -> Connection:
    """Add a connection.

    Args:
        options, secrets: as `Driver.option_fields` of the kind describe them; those that are left empty are missing.

    Raises:
        InvalidInput: "name", "kind" or "options" -> what is wrong.
        AlreadyExists: there is one with this name.
    """
    require_everywhere(actor)
    connection = Connection(name=name, kind=kind, options=dict(options))
    _check(connection)
    connection.encrypted = encrypt(secrets) if secrets else ""
    with _unique(name), transaction.atomic():
        connection.save(force_insert=True)
        after = {"name": name, "kind": kind, "options": connection.options, "secrets": sorted(secrets)}
        record(actor.name, "create", connection, after=after)
    return connection


def change_connection(
    actor: Actor, connection: Connection, *, name: str, options: Mapping[str, Any], secrets: Mapping[str, str | None]
) -> None:
    """Replace name and options of a connection; servers that run are not affected.

    Args:
        secrets: those to replace, None for those to remove; all others are kept.

    Raises:
        InvalidInput: "name" or "options" -> what is wrong.
        AlreadyExists: another one has this name.
    """
    require_everywhere(actor)
    before = {"name": connection.name, "options": connection.options}
    connection.name, connection.options = name, dict(options)
    _check(connection)
    with _unique(name), transaction.atomic():
        locked = Connection.objects.select_for_update().get(pk=connection.pk)
        if secrets:
            merged = _merged(locked, secrets)
            connection.encrypted = encrypt(merged) if merged else ""
        connection.save(update_fields=["name", "options", "encrypted"] if secrets else ["name", "options"])
        after = {"name": name, "options": connection.options}
        after |= {"secrets": sorted(secrets)} if secrets else {}
        record(actor.name, "update", connection, before=before, after=after)


def disable_connection(actor: Actor, connection: Connection) -> None:
    """Let a connection take no new deployments; those that it has go on."""
    _set_disabled(actor, connection, disabled=True)


def enable_connection(actor: Actor, connection: Connection) -> None:
    """Let a connection take new deployments again."""
    _set_disabled(actor, connection, disabled=False)


def disabled_problem(connection: Connection) -> str:
    """Return why a disabled connection takes nothing new."""
    return _(
        "The connection %(name)s is disabled: it takes no new deployments and resource groups. What runs there goes "
        "on. An administrator can enable it again."
    ) % {"name": connection.name}


def delete_connection(actor: Actor, connection: Connection) -> None:
    """Delete a connection that no resource group lives on.

    Raises:
        OperationRefused: resource groups live on it, with their ids.
    """
    require_everywhere(actor)
    if problem := deletion_problem(connection):
        raise OperationRefused(problem)
    try:
        with transaction.atomic():
            record(actor.name, "delete", connection, before={"kind": connection.kind, "options": connection.options})
            connection.delete()
    except ProtectedError as error:
        raise OperationRefused(deletion_problem(connection)) from error


def deletion_problem(connection: Connection) -> str:
    """Return why a connection cannot be deleted now, `""` when it can."""
    groups = list(connection.resource_groups.order_by("pk").values_list("pk", flat=True))
    if not groups:
        return ""
    shown = ", ".join(groups[:_SHOWN_GROUPS]) + (" …" if len(groups) > _SHOWN_GROUPS else "")
    return ngettext(
        "%(count)s resource group lives on it: %(groups)s. Delete it first, or disable the connection.",
        "%(count)s resource groups live on it: %(groups)s. Delete them first, or disable the connection.",
        len(groups),
    ) % {"count": len(groups), "groups": shown}


def add_offered_connection(actor: Actor, offer: ConnectionOffer) -> Connection:
    """Add the connection that is offered, with a name that is free.

    Raises:
        InvalidInput: the driver does not accept its options beside those of other connections.
    """
    taken = set(Connection.objects.values_list("name", flat=True))
    names = (offer.name if number == 1 else f"{offer.name}-{number}" for number in range(1, len(taken) + 2))
    name = next(name for name in names if name not in taken)
    return create_connection(actor, name=name, kind=offer.kind, options=offer.options, secrets={})


def dismiss_offer(actor: Actor, offer: ConnectionOffer) -> None:
    """Offer this connection to nobody any more."""
    require_everywhere(actor)
    with transaction.atomic():
        ConnectionOffer.objects.filter(pk=offer.pk).update(dismissed_at=timezone.now())
        record(actor.name, "dismiss", offer, after={"kind": offer.kind, "options": offer.options})


def request_test(
    actor: Actor,
    *,
    kind: str,
    options: Mapping[str, Any],
    secrets: Mapping[str, str | None],
    connection: Connection | None = None,
) -> str:
    """Ask a worker to test options and secrets; return the id to ask for its answer with.

    Args:
        secrets: as they were entered.
        connection: the stored one, whose other secrets count too; None for a new one.

    Raises:
        InvalidInput: "kind" or "options" -> what is wrong.
        OperationRefused: the question cannot be stored.
    """
    require_everywhere(actor)
    tested = Connection(pk=connection.pk if connection else None, kind=kind, options=dict(options))
    _check_options(tested)
    known = _merged(connection, secrets) if connection else {name: text for name, text in secrets.items() if text}
    return _send(
        Question(subject=Subject.TEST, language=_language(), kind=kind, options=tested.options, secrets=known)
    )


def request_unused_images(actor: Actor, connection: Connection) -> str:
    """Ask a worker which images of a connection are not in use; return the id to ask for its answer with.

    Raises:
        OperationRefused: its kind has no images, or the question cannot be stored.
    """
    return _ask_for_images(actor, connection, Subject.IMAGES)


def remove_unused_images(actor: Actor, connection: Connection) -> str:
    """Ask a worker to remove the images that are not in use; return the id to ask for its answer with.

    Raises:
        OperationRefused: as `request_unused_images`.
    """
    inquiry_id = _ask_for_images(actor, connection, Subject.IMAGES_REMOVED)
    record(actor.name, "remove-images", connection)
    return inquiry_id


def _ask_for_images(actor: Actor, connection: Connection, subject: Subject) -> str:
    require_everywhere(actor)
    try:
        has_images = connection.driver.capabilities.images
    except RuntimeUnavailable as error:
        raise OperationRefused(str(error)) from error
    if not has_images:
        raise OperationRefused(_("%(name)s runs no container images.") % {"name": connection.name})
    return _send(Question(subject=subject, language=_language(), connection=connection.pk))


def _send(question: Question) -> str:
    try:
        inquiry_id = inquiries.store_question(question)
    except broker.BrokerUnavailable as error:
        raise OperationRefused(
            _("The broker does not respond, so nothing can be asked now. Try again in a moment.")
        ) from error
    tasks.send_inquiry(inquiry_id)
    return inquiry_id


def _language() -> str:
    return get_language() or "en"


def _set_disabled(actor: Actor, connection: Connection, *, disabled: bool) -> None:
    require_everywhere(actor)
    at = timezone.now() if disabled else None
    with transaction.atomic():
        if Connection.objects.filter(pk=connection.pk, disabled_at__isnull=disabled).update(disabled_at=at):
            record(actor.name, "disable" if disabled else "enable", connection)
    connection.disabled_at = at


def _check(connection: Connection) -> None:
    if not _NAME.fullmatch(connection.name):
        raise InvalidInput({"name": _("Use 1 to 64 letters, digits, dashes and underscores.")})
    _check_options(connection)


def _check_options(connection: Connection) -> None:
    """Let the driver judge the options, also beside those of the other connections of its kind."""
    try:
        driver = connection.driver
    except RuntimeUnavailable as error:
        raise InvalidInput({"kind": str(error)}) from error
    others = Connection.objects.filter(kind=connection.kind).exclude(pk=connection.pk)
    if problem := driver.check_options(connection.options, list(others.values_list("options", flat=True))):
        raise InvalidInput({"options": problem})


def _merged(connection: Connection, secrets: Mapping[str, str | None]) -> dict[str, str]:
    """Return the secrets of a stored connection with those that were entered.

    Secrets that cannot be decrypted any more are gone: they are to be entered again.
    """
    try:
        merged: dict[str, str | None] = {**connection.secrets(), **secrets}
    except RuntimeUnavailable:
        merged = dict(secrets)
    return {name: text for name, text in merged.items() if text}


@contextmanager
def _unique(name: str) -> Iterator[None]:
    """Report a name that another connection has, also one that it got meanwhile."""
    try:
        yield
    except IntegrityError as error:
        sentence = _("There is a connection %(name)s already. Choose another name.") % {"name": name}
        raise AlreadyExists({"name": sentence}) from error
