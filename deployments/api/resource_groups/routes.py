"""Endpoints of resource groups, their quotas and their usage."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router

from deployments.api.auth import OptionalGroupHeader, actor_of, group_of
from deployments.api.common import FAILURES, LabelSelector, answer, labels_of, link, links
from deployments.api.filters import OptionalTop, Search, Skip, has_labels
from deployments.api.resource_groups import schemas
from deployments.api.schemas import Created
from deployments.models import Deployment, Executable, ResourceGroup
from deployments.operations import resource_groups as operations
from deployments.queries.deployment_facts import facts_of
from deployments.queries.workspace import visible_groups

router = Router(tags=["Resource group"], by_alias=True)
GroupId = Annotated[str, Path(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{1,251}[a-zA-Z0-9]$", max_length=253)]
_GROUP = link(resourceGroupId="$response.body#/resourceGroupId", in_group=False)
LINKS = links(202, group=_GROUP, group_change=_GROUP, group_delete=_GROUP)
NO_LIMIT = 1_000_000  # templates are not limited, but the specification requires a number


@router.get("/resourceGroups", response={200: schemas.GroupList, **FAILURES})
def group_list(
    request: HttpRequest,
    search: Query[Search],
    top: OptionalTop = None,
    skip: Skip = 0,
    labelSelector: LabelSelector = [],  # noqa: B006, N803  ninja copies it
) -> HttpResponse:
    matching = set(ResourceGroup.objects.filter(search.condition("pk")).values_list("pk", flat=True))
    groups = [
        group
        for group in visible_groups(actor_of(request))
        if group.pk in matching and has_labels(group.labels, labelSelector)
    ]
    page = groups[skip:] if top is None else groups[skip : skip + top]
    return answer(schemas.GroupList(count=len(groups), resources=[_body(group) for group in page]))


@router.post("/resourceGroups", response={202: schemas.GroupBase, **FAILURES}, openapi_extra=LINKS)
def group_create(request: HttpRequest, body: schemas.GroupPost) -> HttpResponse:
    labels = {label.key: label.value for label in body.labels}
    group = operations.create_resource_group(actor_of(request), body.resource_group_id, labels=labels)
    return answer(schemas.GroupBase(resource_group_id=group.pk), 202)


@router.get("/resourceGroups/{resourceGroupId}", response={200: schemas.GroupBody, **FAILURES})
def group(request: HttpRequest, resourceGroupId: GroupId) -> HttpResponse:  # noqa: N803
    return answer(_body(group_of(request, resourceGroupId)))


@router.patch("/resourceGroups/{resourceGroupId}", response={202: schemas.GroupBase, **FAILURES})
def group_change(
    request: HttpRequest,
    resourceGroupId: GroupId,  # noqa: N803
    body: schemas.GroupPatch,
) -> HttpResponse:
    group = group_of(request, resourceGroupId)
    operations.label_resource_group(actor_of(request), group, {label.key: label.value for label in body.labels})
    return answer(schemas.GroupBase(resource_group_id=group.pk), 202)


@router.delete("/resourceGroups/{resourceGroupId}", response={202: Created, **FAILURES})
def group_delete(request: HttpRequest, resourceGroupId: GroupId) -> HttpResponse:  # noqa: N803
    group = group_of(request, resourceGroupId)
    operations.delete_resource_group(actor_of(request), group)
    return answer(Created(id=resourceGroupId, message="Resource group deleted"), 202)


@router.get("/resourceQuota/deployments", response={200: schemas.DeploymentQuotaBody, **FAILURES})
def deployment_quota(
    request: HttpRequest,
    group: OptionalGroupHeader = "",
    quotaOnly: bool = False,  # noqa: N803
) -> HttpResponse:
    """Return the quota and usage of a resource group, or of all that the caller may see."""
    groups = [group_of(request, group)] if group else visible_groups(actor_of(request))
    quotas = [
        schemas.DeploymentQuotaItem(
            resource_plan_type="all",
            deployment_quota=schemas.DeploymentQuota(
                max_count=row.deployment_quota, max_replica_per_deployment=row.replica_quota
            ),
        )
        for row in groups
        if row.deployment_quota is not None or row.replica_quota is not None
    ]
    usage = None if quotaOnly else _usage(groups)
    return answer(schemas.DeploymentQuotaBody(usage=usage, quotas=quotas))


@router.get("/resourceQuota/executables", response={200: schemas.ExecutableQuotaBody, **FAILURES})
def executable_quota(request: HttpRequest, quotaOnly: bool = False) -> HttpResponse:  # noqa: N803
    usage = schemas.ExecutableUsage(serving_template_count=Executable.objects.count(), workflow_template_count=0)
    quota = schemas.ExecutableQuota(serving_template_max_count=NO_LIMIT, workflow_template_max_count=0)
    return answer(schemas.ExecutableQuotaBody(usage=None if quotaOnly else usage, quota=quota))


def _usage(groups: list[ResourceGroup]) -> schemas.DeploymentUsage:
    deployments = list(Deployment.objects.filter(resource_group__in=groups).only("id"))
    facts = facts_of(deployments)
    items = [schemas.DeploymentUse(id=pk, resource_plan_type=fact.plan) for pk, fact in facts.items()]
    return schemas.DeploymentUsage(count=len(items), items=items)


def _body(group: ResourceGroup) -> schemas.GroupBody:
    return schemas.GroupBody(
        resource_group_id=group.pk,
        created_at=group.created_at,
        labels=labels_of(group.labels),
        status_message="It is being deleted with all its content." if group.deleting_since else None,
    )
