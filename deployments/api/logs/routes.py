"""The log of a deployment, line by line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router

from deployments.api.auth import OptionalGroupHeader, actor_of
from deployments.api.common import FAILURES, PathId, answer
from deployments.api.errors import ApiError
from deployments.api.logs import schemas
from deployments.models import Deployment
from deployments.queries.log_source import LogSource
from deployments.runtimes.terminal import plain

router = Router(tags=["Logs"], by_alias=True)
Top = Annotated[int, Query(alias="$top", ge=1, le=5000)]
Order = Annotated[Literal["asc", "desc"], Query(alias="$order")]


@router.get("/deployments/{deploymentId}/logs", response={200: schemas.LogBody, **FAILURES})
def deployment_logs(
    request: HttpRequest,
    deploymentId: PathId,  # noqa: N803
    group: OptionalGroupHeader = "",
    top: Top = 1000,
    start: datetime | None = None,
    end: datetime | None = None,
    order: Order = "asc",
) -> HttpResponse:
    """Return lines of all replicas and attempts, without escape sequences; `end` is not included any more."""
    actor = actor_of(request)
    rows = Deployment.objects.select_related("resource_group__connection").filter(pk=deploymentId)
    deployment = (rows.filter(resource_group=group) if group else rows).first()
    if deployment is None or not actor.sees(deployment.resource_group_id):
        raise ApiError(404, f"There is no deployment {deploymentId} for you.")
    lines = LogSource(deployment.resource_group.connection).logs(
        deployment.pk, limit=top, start=_aware(start), end=_aware(end), newest_first=order == "desc"
    )
    items = [schemas.LogItem(timestamp=line.at, msg=plain(line.text)) for line in lines]
    return answer(schemas.LogBody(data=schemas.LogResult(result=items)))


def _aware(moment: datetime | None) -> datetime | None:
    """Read a time without a zone as UTC."""
    return timezone.make_aware(moment, UTC) if moment is not None and timezone.is_naive(moment) else moment
