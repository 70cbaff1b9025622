"""Common behaviour of all requests below /v2: request id, errors as JSON, parameters, HEAD and OPTIONS.

Errors below /oauth are JSON, too, in OAuth's form.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict

from deployments.api.errors import SENTENCES, error_response, request_id

PREFIX, OAUTH_PREFIX = "/v2", "/oauth/"
# As specified; clients send all of them with and without the dollar sign.
PARAMETERS = ("$top", "$skip", "$order", "$search", "$select", "$expand", "start", "end")
_OTHER_SPELLING = {name[1:] if name.startswith("$") else f"${name}": name for name in PARAMETERS}


def ai_api(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: give all answers below /v2 the form that programs expect, also those of Django itself."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(OAUTH_PREFIX):
            return _as_oauth_error(get_response(request))
        if request.path != PREFIX and not request.path.startswith(f"{PREFIX}/"):
            return get_response(request)
        method = request.method
        if method == "HEAD":  # as GET; the web server leaves the body out
            request.method = "GET"
        request.GET = _as_specified(request.GET)  # type: ignore[assignment]  # the stubs know only immutable ones
        response = get_response(request)
        request.method = method
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response = _allowed(request, response)
        if response.status_code >= 400 and not response.get("Content-Type", "").startswith("application/json"):
            response = _as_error(request, response)
        response.headers["X-Request-Id"] = request_id(request)
        return response

    return middleware


def _as_specified(query: QueryDict) -> QueryDict:
    """Return the parameters in the specification's spelling, which has precedence when both are sent."""
    renamed = {
        name: specified for name, specified in _OTHER_SPELLING.items() if name in query and specified not in query
    }
    if not renamed:
        return query
    copy = query.copy()
    for name, specified in renamed.items():
        copy.setlist(specified, copy.pop(name))
    return copy


def _allowed(request: HttpRequest, refused: HttpResponseBase) -> HttpResponseBase:
    """Add the header Allow with the methods of a path, and answer OPTIONS with it."""
    methods = {name.strip() for name in refused.get("Allow", "").split(",") if name.strip()} | {"OPTIONS"}
    if "GET" in methods:
        methods.add("HEAD")
    answer = HttpResponse(status=204) if request.method == "OPTIONS" else refused
    answer.headers["Allow"] = ", ".join(sorted(methods))
    return answer


def _as_error(request: HttpRequest, response: HttpResponseBase) -> HttpResponse:
    error = error_response(request, response.status_code, _sentence(response.status_code))
    return _with_headers_of(response, error)


def _as_oauth_error(response: HttpResponseBase) -> HttpResponseBase:
    """Return an error page in the form of RFC 6749, section 5.2; other answers unchanged."""
    status = response.status_code
    if status < 400 or response.get("Content-Type", "").startswith("application/json"):
        return response
    code = "invalid_request" if status < 500 else "temporarily_unavailable" if status in {503, 507} else "server_error"
    body = {"error": code, "error_description": _sentence(status)}
    return _with_headers_of(response, JsonResponse(body, status=status, headers={"Cache-Control": "no-store"}))


def _sentence(status: int) -> str:
    return SENTENCES.get(status) or f"{HTTPStatus(status).phrase}: the request was not accepted."


def _with_headers_of(response: HttpResponseBase, error: HttpResponse) -> HttpResponse:
    for name in ("Allow", "Retry-After"):
        if name in response.headers:
            error.headers[name] = response.headers[name]
    return error
