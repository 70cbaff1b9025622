"""Resource groups: made, labelled and removed by administrators."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.db import transaction
from django.db.models import ProtectedError

from deployments.access import require, require_everywhere
from deployments.errors import AlreadyThere, InvalidInput, OperationRefused
from deployments.models import Actor, Connection, ResourceGroup, Role
from deployments.operations.audit import record

_ID = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9._-]{1,251}[a-zA-Z0-9]$")


def create_resource_group(
    actor: Actor, pk: str, *, labels: Mapping[str, str], connection: Connection | None = None
) -> ResourceGroup:
    """Make a resource group.

    Args:
        connection: where its deployments run; the only one when left out.

    Raises:
        InvalidInput: "resourceGroupId" -> what is wrong.
        AlreadyThere: there is one of this id.
    """
    require_everywhere(actor)
    if not _ID.match(pk):
        raise InvalidInput({"resourceGroupId": "Use 3 to 253 letters, digits, dots and dashes, a letter first."})
    if ResourceGroup.objects.filter(pk=pk).exists():
        raise AlreadyThere({"resourceGroupId": f"There is a resource group {pk} already."})
    place = connection or Connection.objects.order_by("pk").first()
    if place is None:
        raise InvalidInput({"resourceGroupId": "There is no connection yet. Add one in the administration first."})
    with transaction.atomic():
        group = ResourceGroup.objects.create(pk=pk, labels=dict(labels), connection=place)
        record(actor.name, "create", group, after={"labels": dict(labels)})
    return group


def label_resource_group(actor: Actor, group: ResourceGroup, labels: Mapping[str, str]) -> None:
    """Replace the labels of a group."""
    require(actor, Role.ADMINISTRATOR, group)
    with transaction.atomic():
        record(actor.name, "update", group, before={"labels": group.labels}, after={"labels": dict(labels)})
        ResourceGroup.objects.filter(pk=group.pk).update(labels=dict(labels))


def delete_resource_group(actor: Actor, group: ResourceGroup) -> None:
    """Remove a group that holds nothing.

    Raises:
        OperationRefused: it is not empty, with the numbers.
    """
    require(actor, Role.ADMINISTRATOR, group)
    kinds = {
        "deployments": group.deployments.count(),
        "configurations": group.configurations.count(),
        "artifacts": group.artifacts.count(),
    }
    if any(kinds.values()):
        held = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
        raise OperationRefused(f"The resource group {group.pk} holds {held}. Delete them first.")
    try:
        with transaction.atomic():
            record(actor.name, "delete", group)
            group.delete()
    except ProtectedError as error:
        raise OperationRefused(f"Something was added to the resource group {group.pk} meanwhile.") from error
