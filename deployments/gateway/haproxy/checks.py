"""Renders the health checks of a backend: HAProxy asks its servers, too, and sends nothing to one that is down."""

from __future__ import annotations

import re
from urllib.parse import quote

from deployments.gateway.routing_table import Backend
from deployments.runtimes.endpoint import is_address
from deployments.serving_template import HealthCheck

CHECKS_SOCKET = "../run/checks-*.sock"  # relative, because the length of a socket's path is limited (about 100 bytes)
INTERVAL_SECONDS = 2  # between two checks of a healthy server, as the configuration's template has it
FAILURES = 2  # in a row, as there
_NAME = "|%[be_name]/%[srv_name]|"  # the key in servers.map, between characters that no health path has
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_HEADER_VALUE = re.compile(r"[ -~]{1,1000}")  # printable ASCII: nothing that ends a line of the configuration


def lines(backend: Backend) -> list[str]:
    """Return the lines of the health checks.

    A server is asked for its health path where it serves. If an open port is enough, or another port has the path, its
    port is looked at: the runtime asks for the rest.
    """
    check = backend.health_check
    if check is not None and (not check.path or check.port is not None):
        # Without `linger` every check ends with a reset, which servers log as an error.
        return ["    option tcp-check", "    tcp-check connect linger", *_pace(check)]
    return [*_of_path(backend, check or HealthCheck(path=backend.health_path)), *(_pace(check) if check else ())]


def _of_path(backend: Backend, check: HealthCheck) -> list[str]:
    """Return the lines of a check by HTTP.

    Servers with TLS are checked directly: the proxy at CHECKS_SOCKET has to read a header to select the server.
    """
    path = quote(backend.upstream.path_prefix + check.path, safe="/?&=:;,@!*()+-._~%") or "/"
    own = {name.lower(): value for name, value in check.headers.items()}
    host = own.pop("host", "")
    host = _quoted(host) if _HEADER_VALUE.fullmatch(host) and "|" not in host else ""
    headers = f"hdr Host {backend.upstream.host_header or host or 'localhost'}"
    connect = f"addr unix@{CHECKS_SOCKET} linger"
    if backend.upstream.scheme == "https":
        name = backend.upstream.server_name
        connect = "linger ssl" if is_address(name) else f"linger ssl sni {name}"
    else:
        headers += f" hdr X-Launchpad-Replica {_NAME}"
    for name, value in check.headers.items():  # after ours, which the proxy finds by the first bars
        if name.lower() != "host" and _HEADER.fullmatch(name) and _HEADER_VALUE.fullmatch(value):
            headers += f" hdr {name} {_quoted(value)}"
    return [
        "    option httpchk",
        f"    http-check connect {connect}",
        f"    http-check send meth GET uri '{path}' ver HTTP/1.1 {headers}",
        "    http-check expect status 200-299",
    ]


def _pace(check: HealthCheck) -> list[str]:
    """Return what a readiness probe says of the time between two checks, and of failures in a row."""
    words = []
    if check.period_seconds > INTERVAL_SECONDS:
        words.append(f"inter {int(check.period_seconds)}s")
    if check.failure_threshold > FAILURES:
        words.append(f"fall {int(check.failure_threshold)}")
    return [f"    default-server {' '.join(words)}"] if words else []


def _quoted(value: str) -> str:
    """Return a value as one word of the configuration, in which nothing is replaced."""
    text = value.replace("%", "%%").replace("'", "'\\''")
    return f"'{text}'"
