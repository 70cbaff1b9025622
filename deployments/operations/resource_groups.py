"""Creates, changes and deletes resource groups and their quotas, for administrators."""

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
from deployments.operations.connections import disabled_problem

_ID = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9._-]{1,251}[a-zA-Z0-9]$")


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """The limits of a group; None is without limit.

    Args:
        deployments: maximum number of deployments.
        replicas: maximum number of replicas of each deployment.
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
    """Create a resource group.

    Args:
        connection: the one that its deployments run on; by default the first one.

    Raises:
        InvalidInput: "resourceGroupId" -> what is wrong.
        AlreadyExists: there is one with this id.
    """
    require_everywhere(actor)
    if not _ID.match(pk):
        raise InvalidInput({"resourceGroupId": _("Use 3 to 253 letters, digits, dots and dashes, a letter first.")})
    if ResourceGroup.objects.filter(pk=pk).exists():
        raise AlreadyExists({"resourceGroupId": _("There is a resource group %(pk)s already.") % {"pk": pk}})
    connection = connection or Connection.objects.filter(disabled_at=None).order_by("pk").first()
    if connection is None:
        raise InvalidInput(
            {"resourceGroupId": _("There is no connection that is enabled. Add or enable one in the administration.")}
        )
    if connection.disabled_at is not None:
        raise InvalidInput({"connection": disabled_problem(connection)})
    with transaction.atomic():
        group = ResourceGroup.objects.create(
            pk=pk,
            labels=dict(labels),
            connection=connection,
            deployment_quota=quotas.deployments,
            replica_quota=quotas.replicas,
        )
        record(actor.name, "create", group, after=_audited_values(group))
    return group


def label_resource_group(actor: Actor, group: ResourceGroup, labels: Mapping[str, str]) -> None:
    """Replace the labels of a group."""
    require(actor, Role.ADMINISTRATOR, group)
    _change(actor, group, labels=dict(labels))


def change_resource_group(actor: Actor, group: ResourceGroup, *, labels: Mapping[str, str], quotas: Quotas) -> None:
    """Replace labels and quotas of a group. Deployments above a lower quota stay; new ones are refused."""
    require_everywhere(actor)
    require(actor, Role.ADMINISTRATOR, group)
    _change(actor, group, labels=dict(labels), deployment_quota=quotas.deployments, replica_quota=quotas.replicas)


def contents_of(group: ResourceGroup) -> dict[str, int]:
    """Return the content of a group: kind -> count, without zeros."""
    counts = {
        "deployments": group.deployments.count(),
        "configurations": group.configurations.count(),
        "artifacts": group.artifacts.count(),
        "secrets": group.secrets.count(),
    }
    return {kind: count for kind, count in counts.items() if count}


def delete_resource_group(actor: Actor, group: ResourceGroup) -> None:
    """Delete an empty group.

    Raises:
        OperationRefused: it is not empty, with the numbers.
    """
    require(actor, Role.ADMINISTRATOR, group)
    if contents := contents_of(group):
        counts = ", ".join(_count_phrase(kind, count) for kind, count in contents.items())
        raise OperationRefused(
            _("The resource group %(group)s still has %(held)s. Delete them first.")
            % {"group": group.pk, "held": counts}
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
    """Stop and delete all deployments of a group, then delete it with its other content.

    The reconciler stops the servers, and deletes the group as soon as its last deployment is deleted.

    Args:
        confirmed: the id of the group, typed by the user as a confirmation.

    Raises:
        InvalidInput: "confirmed" -> it is not the id of the group.
    """
    require(actor, Role.ADMINISTRATOR, group)
    if confirmed != group.pk:
        raise InvalidInput({"confirmed": _("Type %(group)s to confirm that all of it may go.") % {"group": group.pk}})
    now = timezone.now()
    with transaction.atomic():
        ResourceGroup.objects.select_for_update().get(pk=group.pk)
        record(actor.name, "delete", group, before=contents_of(group))
        ResourceGroup.objects.filter(pk=group.pk).update(deleting_since=now)
        deployments = Deployment.objects.filter(resource_group=group).exclude(target_status=TargetStatus.DELETED)
        ids = list(deployments.values_list("pk", flat=True))
        deployments.update(
            target_status=TargetStatus.DELETED,
            generation=F("generation") + 1,
            last_operation="DELETE",
            changed_at=now,
            next_reconcile_at=now,
        )
        for pk in ids:
            tasks.enqueue_reconcile(pk)


def _count_phrase(kind: str, count: int) -> str:
    forms = {
        "deployments": ngettext("%(n)s deployment", "%(n)s deployments", count),
        "configurations": ngettext("%(n)s configuration", "%(n)s configurations", count),
        "artifacts": ngettext("%(n)s artifact", "%(n)s artifacts", count),
        "secrets": ngettext("%(n)s secret", "%(n)s secrets", count),
    }
    return forms[kind] % {"n": count}


def _change(actor: Actor, group: ResourceGroup, **values: object) -> None:
    before = _audited_values(group)
    for name, value in values.items():
        setattr(group, name, value)
    with transaction.atomic():
        record(actor.name, "update", group, before=before, after=_audited_values(group))
        group.save(update_fields=list(values))


def _audited_values(group: ResourceGroup) -> dict[str, object]:
    return {
        "labels": group.labels,
        "deployment_quota": group.deployment_quota,
        "replica_quota": group.replica_quota,
    }
