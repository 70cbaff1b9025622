"""Request and response bodies of resource groups, as the AI API specifies them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import StringConstraints

from deployments.api.schemas import Body, LabelBody


class GroupPost(Body):
    resource_group_id: Annotated[
        str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9.-]{1,251}[a-zA-Z0-9]$", max_length=253)
    ]
    labels: list[LabelBody] = []


class GroupPatch(Body):
    labels: list[LabelBody]


class GroupBody(Body):
    resource_group_id: str
    created_at: datetime
    labels: list[LabelBody]
    status: Literal["PROVISIONED"] = "PROVISIONED"
    status_message: str | None = None


class GroupBase(Body):
    resource_group_id: str


class GroupList(Body):
    count: int
    resources: list[GroupBody]


class DeploymentUse(Body):
    id: str
    resource_plan_type: str


class DeploymentUsage(Body):
    count: int
    items: list[DeploymentUse]


class DeploymentQuota(Body):
    max_count: int | None = None
    max_replica_per_deployment: int | None = None


class DeploymentQuotaItem(Body):
    resource_plan_type: str
    deployment_quota: DeploymentQuota


class DeploymentQuotaBody(Body):
    usage: DeploymentUsage | None = None
    quotas: list[DeploymentQuotaItem]


class ExecutableUsage(Body):
    serving_template_count: int
    workflow_template_count: int


class ExecutableQuota(Body):
    serving_template_max_count: int
    workflow_template_max_count: int


class ExecutableQuotaBody(Body):
    usage: ExecutableUsage | None = None
    quota: ExecutableQuota
