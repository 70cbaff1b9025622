"""Errors of the AI API: always JSON, `{"error": {"code", "message", "requestId", "target", "details"}}`."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from deployments.errors import (
    AlreadyExists,
    InvalidInput,
    LaunchpadError,
    NotAllowed,
    OperationRefused,
    QuotaExceeded,
    TokenInvalid,
)

logger = logging.getLogger(__name__)
_REQUEST_ID = re.compile(r"^[\w.-]{1,64}$")
_CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    412: "PreconditionFailed",
    413: "PayloadTooLarge",
    429: "QuotaExceeded",
    501: "NotImplemented",
    503: "ServiceUnavailable",
    507: "InsufficientStorage",
}
SENTENCES = {
    404: "There is nothing at this address.",
    405: "This method is not allowed here.",
    500: "Something went wrong in Launchpad; its log says what, under the request id.",
    501: "This installation does not offer that part of the AI API; GET /v2/lm/meta tells what it offers.",
    503: "The database does not take changes now. Wait a few seconds and try again.",
    507: "The disk of LAUNCHPAD_HOME is full. Free some space; nothing was changed.",
}
Detail = dict[str, str]


class ApiError(LaunchpadError):
    """An error with a status of its own.

    Args:
        status: HTTP status.
        details: the problems of single fields.
    """

    def __init__(self, status: int, message: str, *, details: Sequence[Detail] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.details = list(details)


def error_response(request: HttpRequest, status: int, message: str, details: Sequence[Detail] = ()) -> HttpResponse:
    """Return an error in the AI API's form."""
    error: dict[str, Any] = {
        "code": _CODES.get(status, "InternalServerError" if status >= 500 else f"Http{status}"),
        "message": message,
        "requestId": request_id(request),
        "target": request.path,
    }
    if details:
        error["details"] = list(details)
    return JsonResponse({"error": error}, status=status)


def request_id(request: HttpRequest) -> str:
    """Return the caller's id of the request, else a new one; always the same for one request."""
    if not hasattr(request, "ai_api_request_id"):
        given = request.headers.get("X-Request-Id", "")
        request.ai_api_request_id = given if _REQUEST_ID.match(given) else str(uuid.uuid4())  # type: ignore[attr-defined]
    return str(request.ai_api_request_id)  # type: ignore[attr-defined]


def status_of(error: LaunchpadError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, ApiError):
        return error.status
    for kind, status in (
        (AlreadyExists, 409),
        (InvalidInput, 400),
        (TokenInvalid, 401),
        (NotAllowed, 403),
        (QuotaExceeded, 429),
        (OperationRefused, 412),
    ):
        if isinstance(error, kind):
            return status
    return 503


def answer_errors(api: NinjaAPI) -> None:
    """Make an API answer every error in the AI API's form."""

    @api.exception_handler(LaunchpadError)
    def refused(request: HttpRequest, error: LaunchpadError) -> HttpResponse:
        details = error.details if isinstance(error, ApiError) else []
        if isinstance(error, InvalidInput):
            details = [_detail(name, sentence) for name, sentence in error.problems.items()]
        return error_response(request, status_of(error), str(error), details)

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        details = [
            _detail(_field(fault["loc"]), str(fault["msg"]).removeprefix("Value error, ")) for fault in error.errors
        ]
        message = " ".join(f"{detail['target']}: {detail['message']}." for detail in details)
        return error_response(request, 400, message, details)

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return error_response(request, 404, str(error) or SENTENCES[404])

    @api.exception_handler(RequestDataTooBig)
    def too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
        return error_response(request, 413, "The body is larger than the 20 MB that are allowed.")

    @api.exception_handler(HttpError)
    def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
        return error_response(request, error.status_code, str(error))


@csrf_exempt
def not_offered(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer 501 for paths of the specification that are not offered here, 404 for all others.

    For every method: below /v2 cookies do not authenticate, so that CSRF protection is not needed.
    """
    is_specified = any(re.match(rf"{pattern}(/|$)", rest) for pattern in _NOT_OFFERED)
    status = 501 if is_specified else 404
    return error_response(request, status, SENTENCES[status])


_NOT_OFFERED = (
    r"lm/executions",
    r"lm/executionSchedules",
    r"lm/metrics",
    r"lm/dataset/files",
    r"analytics/kpis",
    r"admin/objectStoreSecrets",
    r"admin/repositories",
    r"admin/applications",
    r"admin/services",
    r"admin/resources/(nodes|instanceTypes)",
    r"admin/resourceQuota/(resourceGroups|applications|repositories|secrets|dockerRegistrySecrets)",
    r"admin/tenantInfo",
)


def _detail(target: str, message: str) -> Detail:
    return {"code": "InvalidField", "target": target, "message": message}


def _field(location: Sequence[str | int]) -> str:
    """Return the name of a field as the client wrote it: ("body", "body", "ttl") -> "ttl"."""
    parts = [str(part) for part in location]
    if parts and parts[0] in {"body", "query", "path", "header"}:
        parts = parts[1:]
    if len(parts) > 1 and parts[0] in {"body", "data", "parameters", "search"}:  # names of our functions' arguments
        parts = parts[1:]
    return ".".join(parts)
