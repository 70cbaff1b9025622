"""Proves a generation: one real request the way of every client, through listener, TLS, token check and backend."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import urllib3

from deployments.gateway import tokens
from deployments.gateway.place import certificate, place

TOKEN_SECONDS = 30
LONGEST_EXCERPT = 200  # characters of an answer that are shown


@dataclass(frozen=True, kw_only=True)
class Proof:
    """How the request went.

    Args:
        ok: whether the answer was 2xx.
        status: HTTP status, 0 when there was no answer.
        latency_seconds: from the request to the end of its answer's headers.
        message: one sentence for people.
    """

    ok: bool
    status: int
    latency_seconds: float
    message: str


def prove(
    deployment_id: str,
    generation: int,
    *,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float,
) -> Proof:
    """Send one request to a generation, whether traffic goes to it or not.

    Args:
        path: below the deployment's URL, with its query.
        timeout: seconds for all of it.
    """
    token = tokens.issue(
        subject="launchpad",
        client_id="launchpad-proof",
        resource_groups=None,
        role="viewer",
        lifetime_seconds=TOKEN_SECONDS,
        probe=True,
    )
    began = time.monotonic()
    try:
        with _pool(timeout) as pool:
            answer = pool.urlopen(
                method,
                f"/v2/inference/deployments/{deployment_id}/{path.lstrip('/')}",
                body=body,
                headers={
                    **(headers or {}),
                    "Authorization": f"Bearer {token}",
                    "X-Launchpad-Generation": str(generation),
                },
                redirect=False,
                retries=False,
                preload_content=False,
            )
            latency = time.monotonic() - began
            excerpt = "" if 200 <= answer.status < 300 else _excerpt(answer)
    except urllib3.exceptions.TimeoutError:
        return _failed(began, f"There was no answer within {timeout:g} s.")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return _failed(began, f"The gateway did not answer: {error}")
    ok = 200 <= answer.status < 300
    message = f"Answered {answer.status} {_phrase(answer.status)} in {latency * 1000:.0f} ms"
    return Proof(
        ok=ok, status=answer.status, latency_seconds=latency, message=f"{message}{f': {excerpt}' if excerpt else ''}."
    )


def _failed(began: float, message: str) -> Proof:
    return Proof(ok=False, status=0, latency_seconds=time.monotonic() - began, message=message)


def _pool(timeout: float) -> urllib3.HTTPSConnectionPool:
    here = place()
    context = ssl.create_default_context(cafile=str(certificate().trusted))
    # Nothing but the gateway's own certificate is trusted, even if it is no authority and its authority is unknown.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return urllib3.HTTPSConnectionPool(
        here.address,
        here.port,
        ssl_context=context,
        server_hostname=here.host,
        assert_hostname=here.host,
        timeout=urllib3.Timeout(total=timeout),
        maxsize=1,
    )


def _excerpt(answer: urllib3.BaseHTTPResponse) -> str:
    """Return the beginning of an answer that is no success, on one line."""
    text = answer.read(4 * LONGEST_EXCERPT).decode(errors="replace")
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_EXCERPT else f"{line[:LONGEST_EXCERPT]} ..."


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
