"""Request and response bodies of deployments, as the AI API specifies them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from annotated_types import Len
from pydantic import StringConstraints

from deployments.api.fields import TTL_PATTERN, Id
from deployments.api.schemas import Body, ErrorBody
from deployments.lifecycle import Status, TargetStatus


class DeploymentPost(Body):
    configuration_id: Id
    ttl: Annotated[str, StringConstraints(pattern=TTL_PATTERN)] | None = None


class DeploymentCreated(Body):
    id: str
    message: str
    deployment_url: str
    status: Status
    ttl: str | None = None


class DeploymentPatch(Body):
    target_status: Literal["STOPPED"] | None = None
    configuration_id: Id | None = None


class BulkItemPatch(Body):
    id: Id
    target_status: Literal["STOPPED", "DELETED"]


class BulkPatch(Body):
    deployments: Annotated[list[BulkItemPatch], Len(1, 100)]


class BulkItemBody(Body):
    """The result for one deployment: a message, or an error."""

    id: str
    message: str | None = None
    error: ErrorBody | None = None


class BulkBody(Body):
    deployments: list[BulkItemBody]


class BackendDetails(Body):
    backend_details: dict[str, Any]


class DetailsBody(Body):
    scaling: BackendDetails
    resources: BackendDetails


class ListedStatusBody(Body):
    """A deployment in a list with `$select=status`."""

    id: str
    configuration_id: str
    status: Status
    created_at: datetime
    modified_at: datetime


class DeploymentStatusBody(ListedStatusBody):
    """One deployment with `$select=status`: clients refuse any other field."""

    status_details: dict[str, Any]
    details: DetailsBody


class DeploymentBody(Body):
    """A deployment.

    Args:
        deployment_url: `""` while nothing serves; clients cannot read a deployment without it.
    """

    id: str
    deployment_url: str
    configuration_id: str
    configuration_name: str
    executable_id: str
    scenario_id: str
    status: Status
    status_message: str
    target_status: TargetStatus
    last_operation: Literal["CREATE", "UPDATE", "DELETE"]
    latest_running_configuration_id: str | None = None
    ttl: str | None = None
    details: DetailsBody | None = None
    created_at: datetime
    modified_at: datetime
    submission_time: datetime | None = None
    start_time: datetime | None = None
    completion_time: datetime | None = None


class DeploymentWithDetails(DeploymentBody):
    status_details: dict[str, Any] | None = None


class DeploymentList(Body):
    count: int
    resources: Sequence[DeploymentBody | ListedStatusBody]
