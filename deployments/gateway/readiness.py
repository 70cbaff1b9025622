"""The readiness check: one real request like those of clients, through listener, TLS, token check and backend."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

import urllib3

from deployments import reasons
from deployments.auth import tokens
from deployments.gateway.client import pool
from deployments.gateway.endpoint import prefix_of
from deployments.messages import Message
from deployments.runtimes.terminal import plain

TOKEN_SECONDS = 30
MAX_EXCERPT = 200  # characters of an answer in messages
ANSWERED_BY = "X-Launchpad-Backend"  # the gateway tells its own checks which backend has answered
MAX_ANSWER = 16_000_000  # bytes of an answer that are read


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """The result of the request.

    Args:
        request: its method and path.
        ok: whether the answer was 2xx, or one that counts as a success.
        status: HTTP status, 0 when there was no answer.
        latency_seconds: from the request to the end of its answer's headers.
        message: the result for people.
    """

    request: str
    ok: bool
    status: int
    latency_seconds: float
    message: Message


def send_probe(
    deployment_id: str,
    generation: int,
    *,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    any_answer: bool = False,
    timeout: float,
) -> ProbeResult:
    """Send one request to a generation, whether it is public or not.

    Args:
        path: below the deployment's URL, with its query.
        any_answer: every answer of the server itself below 500 is a success.
        timeout: seconds for the whole request.
    """
    request = f"{method} /{path.lstrip('/')}"
    started_at = time.monotonic()
    try:
        with pool(urllib3.Timeout(total=timeout)) as connections:
            answer = connections.urlopen(
                method,
                f"{prefix_of(deployment_id)}/{path.lstrip('/')}",
                body=body,
                headers={**(headers or {}), **_headers_for(generation)},
                redirect=False,
                retries=False,
                preload_content=False,
            )
            latency = time.monotonic() - started_at
            beginning = _read(answer, started_at + timeout)
    except urllib3.exceptions.TimeoutError:
        return _failed(request, started_at, reasons.PROBE_TIMED_OUT(request=request, timeout_seconds=timeout))
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return _failed(request, started_at, reasons.GATEWAY_SILENT(error=str(error)))
    is_of_server = any_answer and answer.headers.get(ANSWERED_BY) == f"{deployment_id}-g{generation}"
    return _answered(request, answer.status, latency, beginning, limit=500 if is_of_server else 300)


def _headers_for(generation: int) -> Mapping[str, str]:
    """Return the headers with which the gateway sends a request to a generation, whether it is public or not."""
    token = tokens.issue(
        subject="launchpad",
        client_id="launchpad-probe",
        resource_groups=None,
        role="viewer",
        lifetime_seconds=TOKEN_SECONDS,
        probe=True,
    )
    return {"Authorization": f"Bearer {token}", "X-Launchpad-Generation": str(generation)}


def _answered(request: str, status: int, latency: float, beginning: bytes, *, limit: int) -> ProbeResult:
    ok = 200 <= status < limit
    message = reasons.PROBE_ANSWERED(
        request=request,
        status=status,
        answer=f"{status} {_phrase(status)}".rstrip(),
        latency=round(latency * 1000),
        excerpt="" if ok else _excerpt(beginning),
    )
    return ProbeResult(request=request, ok=ok, status=status, latency_seconds=latency, message=message)


def _failed(request: str, started_at: float, message: Message) -> ProbeResult:
    return ProbeResult(
        request=request, ok=False, status=0, latency_seconds=time.monotonic() - started_at, message=message
    )


def _read(answer: urllib3.BaseHTTPResponse, end: float) -> bytes:
    """Return the beginning of an answer, after reading all of it: servers log a client that leaves as an error.

    Reading ends at a time or a size: an endless stream that has begun is a success.
    """
    beginning = b""
    received = 0
    with suppress(urllib3.exceptions.HTTPError, OSError):
        while received < MAX_ANSWER and time.monotonic() < end and (chunk := answer.read1(65536)):
            beginning = beginning or chunk
            received += len(chunk)
    return beginning[: 4 * MAX_EXCERPT]


def _excerpt(beginning: bytes) -> str:
    """Return the beginning of an answer that is no success, on one line."""
    line = " ".join(plain(beginning.decode(errors="replace")).split())
    return line if len(line) <= MAX_EXCERPT else f"{line[:MAX_EXCERPT]} ..."


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
