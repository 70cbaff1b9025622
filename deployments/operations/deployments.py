"""Creates, updates, stops and deletes deployments: changes of the desired state, nothing else.

Every change is one conditional UPDATE on the state that it is based on, so that of two people who act at the same
moment one succeeds and one is refused. The reconciler does the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from deployments import reasons, tasks
from deployments.auth.permissions import refuse_while_deleting, require
from deployments.errors import InvalidInput, LaunchpadError, OperationRefused, QuotaExceeded
from deployments.lifecycle import Action, Status, TargetStatus, parse_ttl, statuses_allowing, why_not
from deployments.messages import Message
from deployments.models import Actor, Configuration, Deployment, DeploymentEvent, ResourceGroup, Role, columns_of
from deployments.operations.audit import record
from deployments.operations.connections import disabled_problem
from deployments.operations.server_specs import check_server_spec

BULK_LIMIT = 100


@dataclass(frozen=True, kw_only=True)
class BulkItem:
    """The result for one deployment of a bulk operation.

    Args:
        deployment_id: as in the request.
        done: whether the operation was accepted.
        message: why not, `""` when done.
    """

    deployment_id: str
    done: bool
    message: str = ""


def create_deployment(
    actor: Actor, group: ResourceGroup, configuration: Configuration, *, ttl: str = ""
) -> Deployment:
    """Create a deployment of a configuration.

    Args:
        ttl: how long it lives, e.g. "30m", "12h", "7d"; `""` for without limit.

    Raises:
        InvalidInput: "ttl" or "configuration" -> what is wrong.
        QuotaExceeded: with the numbers.
        OperationRefused: the connection of the group is disabled.
    """
    require(actor, Role.EDITOR, group)
    if configuration.resource_group_id != group.pk:
        raise InvalidInput({"configuration": _("There is no such configuration in %(group)s.") % {"group": group.pk}})
    try:
        lifetime = parse_ttl(ttl)
    except ValueError as error:
        raise InvalidInput({"ttl": str(error)}) from error
    if group.connection.disabled_at is not None:
        raise OperationRefused(disabled_problem(group.connection))
    check_server_spec(configuration, group)
    now = timezone.now()
    with transaction.atomic():
        _check_quota(group)
        deployment = Deployment.objects.create(
            resource_group=group,
            configuration=configuration,
            ttl=ttl,
            expires_at=now + lifetime if lifetime else None,
            created_at=now,
            created_by=actor.name,
            changed_at=now,
            next_reconcile_at=now,
        )
        _record(deployment, actor, reasons.CREATED(configuration=configuration.name))
        record(actor.name, "create", deployment, after={"configuration": str(configuration.pk), "ttl": ttl})
        tasks.enqueue_reconcile(deployment.pk)
    return deployment


def update_deployment(
    actor: Actor, deployment: Deployment, configuration: Configuration, *, rollback_on_failure: bool = False
) -> None:
    """Request an update to another configuration at the same URL.

    Args:
        rollback_on_failure: if the update fails, return to the configuration that was running (else: DEAD).

    Raises:
        OperationRefused: the state does not allow it.
        InvalidInput: "configuration" -> why it cannot be chosen.
    """
    require(actor, Role.EDITOR, deployment.resource_group)
    _refuse_unless_allowed(Action.UPDATE, deployment)
    current = deployment.configuration
    problem = ""
    if configuration.resource_group_id != deployment.resource_group_id:
        problem = _("There is no such configuration in %(resource_group_id)s.") % {
            "resource_group_id": deployment.resource_group_id
        }
    elif configuration.scenario_id != current.scenario_id:
        problem = _("Choose a configuration of the same scenario (%(scenario_id)s).") % {
            "scenario_id": current.scenario_id
        }
    elif configuration.pk == current.pk and deployment.status != Status.DEAD:
        problem = _("%(name)s is in use already. Choose another one.") % {"name": configuration.name}
    if problem:
        raise InvalidInput({"configuration": problem})
    check_server_spec(configuration, deployment.resource_group, deployment=deployment)
    _change_desired_state(
        deployment,
        actor,
        Action.UPDATE,
        reasons.UPDATE_REQUESTED(current=current.name, configuration=configuration.name),
        configuration=configuration,
        rollback_on_failure=rollback_on_failure,
        target_status=TargetStatus.RUNNING,
    )


def roll_back_deployment(actor: Actor, deployment: Deployment) -> None:
    """Request an update to the configuration that was running last.

    Raises:
        OperationRefused: none has ever been running, or the state does not allow it.
    """
    if deployment.latest_running_configuration is None:
        raise OperationRefused(
            _("No configuration of this deployment was ever running, so there is none to go back to.")
        )
    update_deployment(actor, deployment, deployment.latest_running_configuration)


def stop_deployment(actor: Actor, deployment: Deployment) -> None:
    """Request a stop; the resources are released, the information stays.

    Raises:
        OperationRefused: the state does not allow it.
    """
    require(actor, Role.EDITOR, deployment.resource_group)
    _refuse_unless_allowed(Action.STOP, deployment)
    _change_desired_state(deployment, actor, Action.STOP, reasons.STOP_REQUESTED(), target_status=TargetStatus.STOPPED)


def delete_deployment(actor: Actor, deployment: Deployment) -> None:
    """Request the deletion with all information.

    Raises:
        OperationRefused: the state does not allow it.
    """
    require(actor, Role.EDITOR, deployment.resource_group)
    _refuse_unless_allowed(Action.DELETE, deployment)
    _change_desired_state(
        deployment, actor, Action.DELETE, reasons.DELETION_REQUESTED(), target_status=TargetStatus.DELETED
    )


def stop_deployments(actor: Actor, group: ResourceGroup, ids: Sequence[str]) -> list[BulkItem]:
    """Stop several deployments; each succeeds or is refused separately."""
    return _each(actor, group, ids, Action.STOP)


def delete_deployments(actor: Actor, group: ResourceGroup, ids: Sequence[str]) -> list[BulkItem]:
    """Delete several deployments; each succeeds or is refused separately."""
    return _each(actor, group, ids, Action.DELETE)


def requeue_deployments(actor: Actor, deployments: Sequence[Deployment]) -> None:
    """Reconcile deployments now instead of when they are due. The desired state does not change."""
    require(actor, Role.ADMINISTRATOR)
    ids = [deployment.pk for deployment in deployments]
    with transaction.atomic():
        Deployment.objects.filter(pk__in=ids).update(next_reconcile_at=timezone.now())
        for deployment in deployments:
            record(actor.name, "requeue", deployment)
            tasks.enqueue_reconcile(deployment.pk)


def _each(actor: Actor, group: ResourceGroup, ids: Sequence[str], action: Action) -> list[BulkItem]:
    """Apply an action to each deployment, with a result per item.

    Raises:
        InvalidInput: the list is empty, or longer than BULK_LIMIT.
    """
    require(actor, Role.EDITOR, group)
    if not 0 < len(ids) <= BULK_LIMIT:
        raise InvalidInput(
            {
                "id": _("Choose between 1 and %(bulk_limit)s deployments; %(count)s were chosen.")
                % {"bulk_limit": BULK_LIMIT, "count": len(ids)}
            }
        )
    act = {Action.STOP: stop_deployment, Action.DELETE: delete_deployment}[action]
    deployments = Deployment.objects.select_related("resource_group").filter(resource_group=group).in_bulk(list(ids))
    items = []
    for pk in dict.fromkeys(ids):
        try:
            if pk not in deployments:
                raise OperationRefused(
                    _("There is no deployment %(pk)s in %(group)s.") % {"pk": pk[:64], "group": group.pk}
                )
            act(actor, deployments[pk])
        except LaunchpadError as error:
            items.append(BulkItem(deployment_id=pk, done=False, message=str(error)))
        else:
            items.append(BulkItem(deployment_id=pk, done=True))
    return items


def _refuse_unless_allowed(action: Action, deployment: Deployment) -> None:
    reason = why_not(action, Status(deployment.status), TargetStatus(deployment.target_status))
    if reason:
        raise OperationRefused(reason)


def _change_desired_state(
    deployment: Deployment, actor: Actor, action: Action, message: Message, **desired: object
) -> None:
    """Write the desired state, unless it or the status has changed since `deployment` was read.

    Raises:
        OperationRefused: it has changed.
    """
    now = timezone.now()
    before = {name: str(getattr(deployment, f"{name}_id", getattr(deployment, name))) for name in desired}
    with transaction.atomic():
        changed = Deployment.objects.filter(
            pk=deployment.pk,
            generation=deployment.generation,
            target_status=deployment.target_status,
            status__in=statuses_allowing(action),
        ).update(
            generation=F("generation") + 1,
            last_operation=action.upper(),
            changed_at=now,
            next_reconcile_at=now,
            **desired,
        )
        if not changed:
            raise OperationRefused(_("The deployment has changed meanwhile. Check its present state and try again."))
        deployment.refresh_from_db()
        _record(deployment, actor, message)
        after = {name: str(getattr(deployment, f"{name}_id", getattr(deployment, name))) for name in desired}
        record(actor.name, action.value, deployment, before=before, after=after)
        tasks.enqueue_reconcile(deployment.pk)


def _record(deployment: Deployment, actor: Actor, message: Message) -> None:
    DeploymentEvent.objects.create(
        deployment=deployment,
        generation=deployment.generation,
        status=deployment.status,
        actor=actor.name,
        **columns_of(message),
    )


def _check_quota(group: ResourceGroup) -> None:
    """Refuse a new deployment above the quota, or in a group that is being deleted.

    The group's row is locked, so that two requests cannot both use the last free place.
    """
    row = ResourceGroup.objects.select_for_update().get(pk=group.pk)
    refuse_while_deleting(row)
    quota = row.deployment_quota
    if quota is None:
        return
    if quota == 0:
        raise QuotaExceeded(
            _("The resource group %(group)s may have no deployments. Ask an administrator for a larger quota.")
            % {"group": group.pk}
        )
    count = Deployment.objects.filter(resource_group=group).count()
    if count >= quota:
        raise QuotaExceeded(
            _(
                "The resource group %(group)s may have %(quota)s deployments and has %(present)s. Delete "
                "one, or ask an administrator for a larger quota."
            )
            % {"group": group.pk, "quota": quota, "present": count}
        )
