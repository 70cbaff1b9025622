"""Sends one request of the playground to a deployment, through the gateway like every other client.

The browser cannot do that itself: the gateway is another origin, perhaps with a certificate of our own making. The
request goes to the gateway's own address and to nothing else: host and prefix are not the reader's to choose, dots in
the path cannot leave the prefix, and no redirect is followed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

import urllib3
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from deployments.errors import GatewayUnavailable, InvalidInput
from deployments.gateway.client import pool
from deployments.gateway.endpoint import prefix_of

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MAX_PATH = 2000  # characters
MAX_BODY = 1_000_000  # bytes
MAX_ANSWER = 256_000  # bytes that are displayed
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer of a deployment.

    Args:
        seconds: from sending the request to the end of the answer.
        size: bytes that are displayed; `is_cut` says whether there was more.
        text: JSON is indented; `""` when it is not text.
    """

    status: int
    seconds: float
    size: int
    content_type: str
    text: str
    is_cut: bool

    @property
    def reason(self) -> str:
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return ""

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


def send(deployment_id: str, *, method: str, path: str, body: str, headers: Mapping[str, str], token: str) -> Answer:
    """Send a request to a deployment and return its answer, whatever its status.

    Args:
        path: below the deployment's URL, with its query.
        headers: in addition to the authorization.
        token: for the gateway.

    Raises:
        InvalidInput: "method", "path" or "body" -> what is wrong.
        GatewayUnavailable: no answer came, with the sentence that says why.
    """
    if problems := _problems(method, path, body):
        raise InvalidInput(problems)
    began = time.monotonic()
    with pool(urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS)) as connections:
        try:
            answer = connections.urlopen(
                method,
                prefix_of(deployment_id) + path,
                body=body.encode() if body else None,
                headers={**headers, "Authorization": f"Bearer {token}", "Accept-Encoding": "identity"},
                redirect=False,
                retries=False,
                preload_content=False,
            )
            content, is_cut = _read(answer, until=began + ANSWER_SECONDS)
        except urllib3.exceptions.HTTPError as error:
            raise GatewayUnavailable(_why_no_answer(error)) from error
    kind = answer.headers.get("Content-Type", "")
    return Answer(
        status=answer.status,
        seconds=time.monotonic() - began,
        size=len(content),
        content_type=kind.partition(";")[0],
        text=_readable(content, is_whole=not is_cut),
        is_cut=is_cut,
    )


def _why_no_answer(error: urllib3.exceptions.HTTPError) -> str:
    if isinstance(error, urllib3.exceptions.NewConnectionError):  # a subclass of TimeoutError in urllib3
        return _("The gateway cannot be reached. It may be starting; try again soon.")
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return _("No answer came within %(limit)s s.") % {"limit": f"{ANSWER_SECONDS:.0f}"}
    return _("The gateway did not answer: %(error)s") % {"error": error}


def _read(answer: urllib3.BaseHTTPResponse, *, until: float) -> tuple[bytes, bool]:
    """Return the answer's body and whether there was more: an endless stream is cut by size and time."""
    content = bytearray()
    while chunk := answer.read1(65536):
        content += chunk
        if len(content) > MAX_ANSWER or time.monotonic() > until:
            return bytes(content[:MAX_ANSWER]), True
    return bytes(content), False


def _problems(method: str, path: str, body: str) -> dict[str, str]:
    problems = {}
    if method not in METHODS:
        problems["method"] = _("Choose one of %(values)s.") % {"values": ", ".join(METHODS)}
    plain = unquote(unquote(path.partition("?")[0])).replace("\\", "/")
    if len(path) > MAX_PATH:
        numbers = {"count": len(path), "limit": MAX_PATH}
        problems["path"] = _("The path has %(count)s characters; %(limit)s are allowed.") % numbers
    elif not path.startswith("/") or not path.isascii() or any(c <= " " or c == "\x7f" or c == "#" for c in path):
        problems["path"] = _("Write a path that begins with / and holds no spaces; other characters percent-encoded.")
    elif {".", ".."} & set(plain.split("/")):
        problems["path"] = _("The path must not hold the parts . or .. that lead elsewhere.")
    if len(body.encode()) > MAX_BODY:
        sizes = {"size": _grouped(len(body.encode())), "limit": _grouped(MAX_BODY)}
        problems["body"] = _("The body has %(size)s bytes; %(limit)s can be sent from this page.") % sizes
    return problems


def _grouped(number: int) -> str:
    return number_format(number, force_grouping=True)


def _readable(content: bytes, *, is_whole: bool) -> str:
    try:
        text = content.decode(errors="strict" if is_whole else "ignore")
    except UnicodeDecodeError:
        return ""
    if not is_whole:
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
