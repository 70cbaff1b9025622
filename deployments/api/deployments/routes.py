"""Deployments: create, look at, update, stop and delete, one by one or many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic.alias_generators import to_camel

from deployments import operations
from deployments.api.auth import GroupHeader, actor_of, group_of
from deployments.api.common import FAILURES, ID, PLAIN_NUMBER, PathId, answer, count_of, find, link, links
from deployments.api.deployments import schemas
from deployments.api.errors import ApiError, request_id, status_of
from deployments.api.filters import DEFAULT_PAGE_SIZE, Parameters, Skip, Top, parameters_of
from deployments.api.schemas import Created, ErrorBody
from deployments.auth.permissions import require
from deployments.errors import LaunchpadError
from deployments.gateway.endpoint import inference_url
from deployments.lifecycle import Status, TargetStatus
from deployments.messages import Message, render_english
from deployments.models import Configuration, Deployment, ResourceGroup, Role
from deployments.queries.deployment_facts import DeploymentFacts, facts_of, failure_details_of
from deployments.queries.deployment_filters import FILTERS
from deployments.queries.filters import filtered

if TYPE_CHECKING:  # made from the table of filters, which a type checker cannot follow
    DeploymentParameters = Parameters
else:
    DeploymentParameters = parameters_of("DeploymentParameters", FILTERS)
router = Router(tags=["Deployment"], by_alias=True)
OneDeployment = schemas.DeploymentWithDetails | schemas.DeploymentStatusBody
STATUS_COLUMNS = ("configuration_id", "status", "created_at", "changed_at")
MAX_MESSAGE = 256  # characters; the specification allows no more
Select = Annotated[Literal["status", ""], Query(alias="$select")]
# The specification's words for the last operation; a stop is a change of the target status.
LINKS = links(
    202,
    deployment=link(deploymentId=ID),
    deployment_change=link(deploymentId=ID),
    deployment_delete=link(deploymentId=ID),
    deployment_logs=link(deploymentId=ID),
)
_WORDS = {"replica__name": "replica", "number": "attempt", "exit_signal": "signal"}
_OPERATIONS: dict[str, Any] = {"CREATE": "CREATE", "DELETE": "DELETE"}


@router.get("/deployments", response={200: schemas.DeploymentList, **FAILURES})
def deployment_list(
    request: HttpRequest,
    group: GroupHeader,
    parameters: Query[DeploymentParameters],
    top: Top = DEFAULT_PAGE_SIZE,
    skip: Skip = 0,
    select: Select = "",
) -> HttpResponse:
    found = _found(request, group, parameters)
    if select:
        rows = list(found.only(*STATUS_COLUMNS)[skip : skip + top])
        statuses = [_status_body(row) for row in rows]
        return answer(schemas.DeploymentList(count=count_of(found, rows, top, skip), resources=statuses))
    deployments = list(found.select_related("configuration")[skip : skip + top])
    facts = facts_of(deployments)
    bodies = [_body(deployment, facts[deployment.pk]) for deployment in deployments]
    return answer(schemas.DeploymentList(count=count_of(found, deployments, top, skip), resources=bodies))


@router.get("/deployments/$count", response={200: None, **FAILURES}, openapi_extra=PLAIN_NUMBER)
def deployment_count(
    request: HttpRequest,
    group: GroupHeader,
    parameters: Query[DeploymentParameters],
) -> HttpResponse:
    found = _found(request, group, parameters)
    return HttpResponse(str(found.count()), content_type="text/plain")


@router.post("/deployments", response={202: schemas.DeploymentCreated, **FAILURES}, openapi_extra=LINKS)
def deployment_create(request: HttpRequest, group: GroupHeader, body: schemas.DeploymentPost) -> HttpResponse:
    place = group_of(request, group)
    configuration = _configuration(place, body.configuration_id)
    deployment = operations.create_deployment(actor_of(request), place, configuration, ttl=body.ttl or "")
    created = schemas.DeploymentCreated(
        id=deployment.pk,
        message="Deployment scheduled.",
        deployment_url="",
        status=Status(deployment.status),
        ttl=deployment.ttl or None,
    )
    return answer(created, 202, Location=f"/v2/lm/deployments/{deployment.pk}")


@router.patch("/deployments", response={202: schemas.BulkBody, **FAILURES})
def deployment_bulk(request: HttpRequest, group: GroupHeader, body: schemas.BulkPatch) -> HttpResponse:
    """Stop or delete up to 100 deployments; each has its own answer."""
    place = group_of(request, group)
    require(actor_of(request), Role.EDITOR, place)
    items = [_bulk_item(request, place, item) for item in body.deployments]
    return answer(schemas.BulkBody(deployments=items), 202)


@router.get("/deployments/{deploymentId}", response={200: OneDeployment, **FAILURES})
def deployment(
    request: HttpRequest,
    deploymentId: PathId,  # noqa: N803
    group: GroupHeader,
    select: Select = "",
) -> HttpResponse:
    found = find_deployment(group_of(request, group), deploymentId)
    facts = facts_of([found])[found.pk]
    status_details = _status_details(found)
    if select:
        status = _status_body(found).model_dump()
        return answer(schemas.DeploymentStatusBody(**status, status_details=status_details, details=_details(facts)))
    whole = _body(found, facts).model_dump()
    return answer(schemas.DeploymentWithDetails(**whole, status_details=status_details))


@router.patch("/deployments/{deploymentId}", response={202: Created, **FAILURES})
def deployment_change(
    request: HttpRequest,
    deploymentId: PathId,  # noqa: N803
    group: GroupHeader,
    body: schemas.DeploymentPatch,
) -> HttpResponse:
    """Stop a deployment (`targetStatus`) or update it to another configuration (`configurationId`)."""
    place = group_of(request, group)
    found = find_deployment(place, deploymentId)
    if (body.target_status is None) == (body.configuration_id is None):
        raise ApiError(400, "Send either targetStatus (STOPPED) or configurationId.")
    if body.configuration_id is None:
        operations.stop_deployment(actor_of(request), found)
    else:
        operations.update_deployment(actor_of(request), found, _configuration(place, body.configuration_id))
    return answer(Created(id=found.pk, message="Deployment modification scheduled"), 202)


@router.delete("/deployments/{deploymentId}", response={202: Created, **FAILURES})
def deployment_delete(
    request: HttpRequest,
    deploymentId: PathId,  # noqa: N803
    group: GroupHeader,
) -> HttpResponse:
    found = find_deployment(group_of(request, group), deploymentId)
    operations.delete_deployment(actor_of(request), found)
    return answer(Created(id=found.pk, message="Deletion scheduled"), 202)


def find_deployment(group: ResourceGroup, pk: str) -> Deployment:
    """Return a deployment of a group.

    Raises:
        ApiError: 404.
    """
    rows = Deployment.objects.select_related("configuration").order_by()
    found = rows.filter(resource_group=group, pk=pk).first()
    if found is None:
        raise ApiError(404, f"There is no deployment {pk} in {group.pk}.")
    found.resource_group = group
    return found


def _found(request: HttpRequest, group: str, parameters: Parameters) -> QuerySet[Deployment]:
    rows = Deployment.objects.filter(resource_group=group_of(request, group))
    return filtered(rows, FILTERS, parameters.values())


def _configuration(group: ResourceGroup, pk: str) -> Configuration:
    found = find(Configuration.objects.select_related("executable", "scenario"), group, pk)
    if found is None:
        detail = {"code": "InvalidField", "target": "configurationId", "message": "There is none of this id."}
        raise ApiError(400, f"There is no configuration {pk} in {group.pk}.", details=[detail])
    return found


def _bulk_item(request: HttpRequest, group: ResourceGroup, item: schemas.BulkItemPatch) -> schemas.BulkItemBody:
    act = operations.stop_deployment if item.target_status == "STOPPED" else operations.delete_deployment
    try:
        act(actor_of(request), find_deployment(group, item.id))
    except LaunchpadError as error:
        failure = ErrorBody(
            code=str(status_of(error)),
            message=str(error),
            request_id=request_id(request),
            target=f"/v2/lm/deployments/{item.id}",
        )
        return schemas.BulkItemBody(id=item.id, error=failure)
    return schemas.BulkItemBody(id=item.id, message="Deployment modification scheduled")


def _body(deployment: Deployment, facts: DeploymentFacts) -> schemas.DeploymentBody:
    configuration = deployment.configuration
    last = deployment.latest_running_configuration_id
    return schemas.DeploymentBody(
        id=deployment.pk,
        deployment_url=inference_url(deployment.pk) if deployment.serving_generation else "",
        configuration_id=str(configuration.pk),
        configuration_name=configuration.name,
        executable_id=configuration.executable_id,
        scenario_id=configuration.scenario_id,
        status=Status(deployment.status),
        status_message=_shortened(render_english(deployment.message)),
        target_status=TargetStatus(deployment.target_status),
        last_operation=_OPERATIONS.get(deployment.last_operation, "UPDATE"),
        latest_running_configuration_id=str(last) if last else None,
        ttl=deployment.ttl or None,
        details=_details(facts),
        created_at=deployment.created_at,
        modified_at=deployment.changed_at,
        submission_time=deployment.submitted_at,
        start_time=deployment.started_at,
        completion_time=deployment.completed_at,
    )


def _status_body(deployment: Deployment) -> schemas.ListedStatusBody:
    return schemas.ListedStatusBody(
        id=deployment.pk,
        configuration_id=str(deployment.configuration_id),
        status=Status(deployment.status),
        created_at=deployment.created_at,
        modified_at=deployment.changed_at,
    )


def _details(facts: DeploymentFacts) -> schemas.DetailsBody:
    scaling = {"minReplicas": facts.min_replicas, "maxReplicas": facts.max_replicas, "runningReplicas": facts.running}
    resources = {
        "predictor": {
            "resourcePlan": facts.plan,
            "cpuMillis": facts.cpu_millis,
            "memoryBytes": facts.memory_bytes,
            "gpus": facts.gpus,
        }
    }
    return schemas.DetailsBody(
        scaling=schemas.BackendDetails(backend_details=scaling),
        resources=schemas.BackendDetails(backend_details=resources),
    )


def _status_details(deployment: Deployment) -> dict[str, Any]:
    """Return what is known beyond the status: its reason, the whole message, replicas, last attempts and events."""
    story = {
        part: [
            {_WORDS.get(name) or to_camel(name): value for name, value in row.items() if name != "message"}
            | _said(row["message"])
            for row in rows
        ]
        for part, rows in failure_details_of(deployment).items()
    }
    return {
        **_said(deployment.message),
        "severity": deployment.status_severity,
        "verifiedAt": deployment.verified_at,
        **story,
    }


def _said(message: Message | None) -> dict[str, Any]:
    """Return a code with its values for programs, and the English sentence for people."""
    stored = _in_camel_case(message.to_json()) if message else {"reason": "", "params": {}}
    return {**stored, "message": render_english(message)}


def _in_camel_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {to_camel(name): _in_camel_case(one) for name, one in value.items()}
    return [_in_camel_case(one) for one in value] if isinstance(value, list) else value


def _shortened(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 1]}…"
