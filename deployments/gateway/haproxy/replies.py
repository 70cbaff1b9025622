"""The gateway's own replies: for programs in the AI API's form, for browsers as a plain page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_ID = "%[var(txn.id),json(utf8s)]"
_CHALLENGE = 'hdr WWW-Authenticate "Bearer error=\\"invalid_token\\""'
_WEB_SERVER_DOWN = (
    "The web server does not answer. If it does not come back within a minute, the log web.log says why."
)


@dataclass(frozen=True)
class Reply:
    """One reply in the AI API's form.

    Args:
        headers: additional ones, in the syntax of HAProxy's configuration.
    """

    status: int
    code: str
    message: str
    headers: str = ""


# The replies of rules in the configuration's template, by their names in it.
REPLIES: Mapping[str, Reply] = {
    "token_missing": Reply(
        401,
        "TokenMissing",
        "Send an access token in the header Authorization: Bearer ....",
        "hdr WWW-Authenticate Bearer",
    ),
    "token_invalid": Reply(401, "TokenInvalid", "The access token is not valid here.", _CHALLENGE),
    "token_expired": Reply(401, "TokenExpired", "The access token has expired: ask for a new one.", _CHALLENGE),
    "token_revoked": Reply(401, "TokenRevoked", "The access token has been revoked: ask for a new one.", _CHALLENGE),
    "origin_refused": Reply(
        403,
        "OriginRefused",
        "Pages of this origin may not use deployments: LAUNCHPAD_CORS_ORIGINS names those that may.",
    ),
    "too_many": Reply(
        429, "TooManyRequests", f"Deployment {_ID} has too many open requests. Try again later.", "hdr Retry-After 1"
    ),
    "not_found": Reply(404, "DeploymentNotFound", f"There is no deployment {_ID} for this token and resource group."),
    "not_running": Reply(503, "DeploymentNotRunning", f"Deployment {_ID} has no running server."),
}
_ERRORS = (
    Reply(400, "BadRequest", "The request cannot be understood."),
    Reply(403, "Forbidden", "The request is not allowed."),
    Reply(408, "RequestTimeout", "The request did not arrive in time."),
    Reply(500, "InternalError", "The gateway failed."),
    Reply(502, "BadAnswer", f"The server of deployment {_ID} broke off or gave no valid answer."),
    Reply(503, "DeploymentNotRunning", f"Deployment {_ID} has no running server."),
    Reply(504, "ServerTimeout", f"The server of deployment {_ID} did not answer in time."),
)
_API_ERRORS = (
    Reply(502, "BadAnswer", "The web server broke off. Look whether the request was carried out, then repeat it."),
    Reply(503, "ServiceUnavailable", _WEB_SERVER_DOWN, "hdr Retry-After 2"),
    Reply(504, "ServerTimeout", "The web server did not answer in time."),
)
_IS_HTML = "{ res.hdr(Content-Type) -m beg text/html }"
# Requests that the web server's HTTP parser refuses, before Launchpad sees them; it replies in HTML.
_PARSER_ERRORS = (
    Reply(400, "BadRequest", "The request cannot be understood."),
    Reply(414, "UriTooLong", "The address is too long."),
    Reply(431, "HeadersTooLarge", "The headers are too long."),
)
_PAGE_ERRORS = {
    408: ("The request did not arrive in time", "Send it again."),
    502: ("The web server broke off", "Open the page again and look whether your change was made."),
    503: ("Launchpad is being started", _WEB_SERVER_DOWN),
    504: ("The web server did not answer in time", "Open the page again and look whether your change was made."),
}


def rules() -> dict[str, str]:
    """Return the rules that reply, by their names in the template of the configuration."""
    return {name: f"    http-request return {_json(reply)}" for name, reply in REPLIES.items()}


def errors() -> dict[str, str]:
    """Return the replies to errors that HAProxy detects itself, by their names in the configuration's template."""
    pages = (f"    http-error {_page(status, *texts)}" for status, texts in _PAGE_ERRORS.items())
    return {
        "errors": _http_errors(_ERRORS),
        "api_errors": _http_errors(_API_ERRORS),
        "page_errors": "\n".join(pages),
        "parser_errors": "\n".join(
            f"    http-response return {_json(reply)} if {{ status {reply.status} }} {_IS_HTML}"
            for reply in _PARSER_ERRORS
        ),
    }


def _http_errors(replies: Iterable[Reply]) -> str:
    return "\n".join(f"    http-error {_json(reply)}" for reply in replies)


def _json(reply: Reply) -> str:
    """Return the arguments of `http-error` or `http-request return` for an error in the AI API's form."""
    target = "%[var(txn.target),json(utf8s)]"
    body = (
        f'{{"error":{{"code":"{reply.code}","message":"{reply.message}",'
        f'"requestId":"%[unique-id]","target":"{target}"}}}}'
    )
    headers = f"{reply.headers} " if reply.headers else ""
    return (
        f"status {reply.status} content-type application/json {headers}hdr Cache-Control no-store lf-string '{body}'"
    )


def _page(status: int, title: str, text: str) -> str:
    """Return the arguments of `http-error` for a page; it reloads itself while the web server is down."""
    refresh = '<meta http-equiv="refresh" content="5">' if status == 503 else ""
    body = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{refresh}'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title></head>'
        f"<body><h1>{title}</h1><p>{text}</p></body></html>"
    )
    headers = "hdr Cache-Control no-store hdr Content-Security-Policy \"default-src 'none'\""
    return f"status {status} content-type \"text/html; charset=utf-8\" {headers} string '{body}'"
