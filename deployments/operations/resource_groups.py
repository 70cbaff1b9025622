"""Resource groups and their quotas: made, changed and removed by administrators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, ProtectedError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments import tasks
from deployments.auth.permissions import require, require_everywhere
from deployments.errors import AlreadyExists, InvalidInput, OperationRefused
from deployments.lifecycle import TargetStatus
from deployments.models import Actor, Connection, Deployment, ResourceGroup, Role
from deployments.operations.audit import record

_ID = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9._-]{1,251}[a-zA-Z0-9]$")


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """How much a group may have; None is without limit.

    Args:
        deployments: deployments in all.
        replicas: replicas of each deployment.
    """

    deployments: int | None = None
    replicas: int | None = None


UNLIMITED = Quotas()


def create_resource_group(
    actor: Actor,
    pk: str,
    *,
    labels: Mapping[str, str],
    connection: Connection | None = None,
    quotas: Quotas = UNLIMITED,
) -> ResourceGroup:
    """Make a resource group.

    Args:
        connection: where its deployments run; the only one when left out.

    Raises:
        InvalidInput: "resourceGroupId" -> what is wrong.
        AlreadyExists: there is one of this id.
    """
    require_everywhere(actor)
    if not _ID.match(pk):
        raise InvalidInput({"resourceGroupId": _("Use 3 to 253 letters, digits, dots and dashes, a letter first.")})
    if ResourceGroup.objects.filter(pk=pk).exists():
        raise AlreadyExists({"resourceGroupId": _("There is a resource group %(pk)s already.") % {"pk": pk}})
    place = connection or Connection.objects.order_by("pk").first()
    if place is None:
        raise InvalidInput({"resourceGroupId": _("There is no connection yet. Add one in the administration first.")})
    with transaction.atomic():
        group = ResourceGroup.objects.create(
            pk=pk,
            labels=dict(labels),
            connection=place,
            deployment_quota=quotas.deployments,
            replica_quota=quotas.replicas,
        )
        record(actor.name, "create", group, after=_told(group))
    return group


def label_resource_group(actor: Actor, group: ResourceGroup, labels: Mapping[str, str]) -> None:
    """Replace the labels of a group."""
    require(actor, Role.ADMINISTRATOR, group)
    _change(actor, group, labels=dict(labels))


def change_resource_group(actor: Actor, group: ResourceGroup, *, labels: Mapping[str, str], quotas: Quotas) -> None:
    """Replace the labels and the quotas of a group. What is above a lower quota stays; nothing is added to it."""
    require_everywhere(actor)
    require(actor, Role.ADMINISTRATOR, group)
    _change(actor, group, labels=dict(labels), deployment_quota=quotas.deployments, replica_quota=quotas.replicas)


def contents_of(group: ResourceGroup) -> dict[str, int]:
    """Return what a group holds: kind -> count, without those that it has none of."""
    counts = {
        "deployments": group.deployments.count(),
        "configurations": group.configurations.count(),
        "artifacts": group.artifacts.count(),
        "secrets": group.secrets.count(),
    }
    return {kind: count for kind, count in counts.items() if count}


def delete_resource_group(actor: Actor, group: ResourceGroup) -> None:
    """Remove a group that holds nothing.

    Raises:
        OperationRefused: it is not empty, with the numbers.
    """
    require(actor, Role.ADMINISTRATOR, group)
    if contents := contents_of(group):
        held = ", ".join(_words(kind, count) for kind, count in contents.items())
        raise OperationRefused(
            _("The resource group %(group)s holds %(held)s. Delete them first.") % {"group": group.pk, "held": held}
        )
    try:
        with transaction.atomic():
            record(actor.name, "delete", group)
            group.delete()
    except ProtectedError as error:
        raise OperationRefused(
            _("Something was added to the resource group %(group)s meanwhile.") % {"group": group.pk}
        ) from error


def delete_resource_group_with_contents(actor: Actor, group: ResourceGroup, *, confirmed: str) -> None:
    """Stop and delete all deployments of a group, then remove it with everything else it holds.

    The loop ends the servers; the group itself goes as soon as its last deployment has gone (`reconciler/groups.py`).

    Args:
        confirmed: the id of the group, as somebody has typed it.

    Raises:
        InvalidInput: "confirmed" -> that it is another id.
    """
    require(actor, Role.ADMINISTRATOR, group)
    if confirmed != group.pk:
        raise InvalidInput({"confirmed": _("Type %(group)s to confirm that all of it may go.") % {"group": group.pk}})
    now = timezone.now()
    with transaction.atomic():
        ResourceGroup.objects.select_for_update().get(pk=group.pk)
        record(actor.name, "delete", group, before=contents_of(group))
        ResourceGroup.objects.filter(pk=group.pk).update(deleting_since=now)
        rows = Deployment.objects.filter(resource_group=group).exclude(target_status=TargetStatus.DELETED)
        ids = list(rows.values_list("pk", flat=True))
        rows.update(
            target_status=TargetStatus.DELETED,
            generation=F("generation") + 1,
            last_operation="DELETE",
            changed_at=now,
            next_reconcile_at=now,
        )
        for pk in ids:
            tasks.enqueue_reconcile(pk)


def _words(kind: str, count: int) -> str:
    forms = {
        "deployments": ngettext("%(n)s deployment", "%(n)s deployments", count),
        "configurations": ngettext("%(n)s configuration", "%(n)s configurations", count),
        "artifacts": ngettext("%(n)s artifact", "%(n)s artifacts", count),
        "secrets": ngettext("%(n)s secret", "%(n)s secrets", count),
    }
    return forms[kind] % {"n": count}


def _change(actor: Actor, group: ResourceGroup, **values: object) -> None:
    before = _told(group)
    for name, value in values.items():
        setattr(group, name, value)
    with transaction.atomic():
        record(actor.name, "update", group, before=before, after=_told(group))
        group.save(update_fields=list(values))


def _told(group: ResourceGroup) -> dict[str, object]:
    return {
        "labels": group.labels,
        "deployment_quota": group.deployment_quota,
        "replica_quota": group.replica_quota,
    }
