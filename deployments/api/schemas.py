"""What the AI API's bodies look like: camelCase, times in UTC, nothing where there is nothing to say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from annotated_types import Len
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from deployments.api.fields import SECRET_PATTERN, TTL_PATTERN, Base64Text, Id, LongText, Name, Text
from deployments.lifecycle import Status, TargetStatus
from deployments.models import ArtifactKind


class Body(BaseModel):
    """All bodies: camelCase outside, snake_case inside; fields that are not known are left out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class ErrorBody(Body):
    code: str
    message: str
    request_id: str
    target: str
    details: list[dict[str, str]] | None = None


class Failure(Body):
    """Every answer that is not a success."""

    error: ErrorBody


class LabelBody(Body):
    key: Annotated[Text, StringConstraints(max_length=256)]
    value: LongText


class ScenarioBody(Body):
    id: str
    name: str
    description: str
    labels: list[LabelBody]
    created_at: datetime
    modified_at: datetime


class ScenarioList(Body):
    count: int
    resources: list[ScenarioBody]


class ParameterBody(Body):
    name: str
    description: str
    default: str | None = None
    type: Literal["string"] = "string"


class ExecutableArtifactBody(Body):
    name: str
    kind: str | None = None
    description: str
    labels: list[LabelBody]


class ExecutableBody(Body):
    id: str
    name: str
    description: str
    scenario_id: str
    version_id: str
    labels: list[LabelBody]
    parameters: list[ParameterBody]
    input_artifacts: list[ExecutableArtifactBody]
    output_artifacts: list[ExecutableArtifactBody]
    deployable: bool
    created_at: datetime
    modified_at: datetime


class ExecutableList(Body):
    count: int
    resources: list[ExecutableBody]


class VersionBody(Body):
    id: str
    scenario_id: str
    description: str
    created_at: datetime
    modified_at: datetime


class VersionList(Body):
    count: int
    resources: list[VersionBody]


class ModelList(Body):
    """Scenarios of Launchpad offer no models of their own: the list is there and empty."""

    count: int
    resources: list[dict[str, Any]]


class ArtifactPost(Body):
    name: Name
    kind: ArtifactKind
    url: Annotated[Text, StringConstraints(max_length=1024)]
    scenario_id: Id
    description: LongText = ""
    labels: list[LabelBody] = []


class ArtifactBody(Body):
    id: str
    name: str
    kind: ArtifactKind
    url: str
    description: str
    scenario_id: str
    labels: list[LabelBody]
    created_at: datetime
    modified_at: datetime
    scenario: ScenarioBody | None = None


class ArtifactList(Body):
    count: int
    resources: list[ArtifactBody]


class ArtifactCreated(Body):
    id: str
    message: str
    url: str


class ParameterBinding(Body):
    key: Annotated[Text, StringConstraints(max_length=256)]
    value: Text


class ArtifactBinding(Body):
    key: Annotated[Text, StringConstraints(max_length=256)]
    artifact_id: Text


class ConfigurationPost(Body):
    name: Name
    executable_id: Id
    scenario_id: Id
    parameter_bindings: list[ParameterBinding] = []
    input_artifact_bindings: list[ArtifactBinding] = []


class ConfigurationBody(Body):
    id: str
    name: str
    executable_id: str
    scenario_id: str
    parameter_bindings: list[ParameterBinding]
    input_artifact_bindings: list[ArtifactBinding]
    created_at: datetime
    scenario: ScenarioBody | None = None


class ConfigurationList(Body):
    count: int
    resources: list[ConfigurationBody]


class Created(Body):
    id: str
    message: str


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
    """What became of one deployment: a message, or an error."""

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
    """What `$select=status` leaves of each deployment of a list."""

    id: str
    configuration_id: str
    status: Status
    created_at: datetime
    modified_at: datetime


class DeploymentStatusBody(ListedStatusBody):
    """What `$select=status` leaves of one deployment: clients refuse any other field."""

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


class LogItem(Body):
    timestamp: datetime
    msg: str


class LogResult(Body):
    result: list[LogItem]


class LogBody(Body):
    data: LogResult


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


class SecretLabel(Body):
    key: Annotated[Text, StringConstraints(max_length=63)]
    value: LongText


SecretData = Annotated[dict[str, Base64Text], Field(description="Key -> value in Base64; the value is UTF-8 text.")]


class SecretPost(Body):
    name: Annotated[str, StringConstraints(pattern=SECRET_PATTERN, max_length=252)]
    data: SecretData
    labels: list[SecretLabel] = []


class SecretPatch(Body):
    data: SecretData
    labels: list[SecretLabel] | None = None


class SecretBody(Body):
    name: str
    created_at: datetime
    labels: list[LabelBody]


class SecretList(Body):
    count: int
    resources: list[SecretBody]


class SecretChanged(Body):
    name: str
    message: str
