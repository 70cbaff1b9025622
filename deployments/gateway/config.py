"""Renders HAProxy's configuration. A pure function of a table and a site, so that equal input gives equal files.

What changes often is kept out of the configuration file: routes, known deployments and revocations are maps, which
the runtime API changes in place, and so are the addresses of servers. `Rendered.skeleton` is the rest; only a change
of it needs a reload.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from urllib.parse import quote

from deployments.errors import GatewayRejected
from deployments.gateway.table import Backend, Server, Table

AUDIENCE = "launchpad"
ROUTES, DEPLOYMENTS, REVOKED, STATE = "routes.map", "deployments.map", "revoked.map", "state.map"
STATE_KEY = "table"
METRICS_SOCKET = "../run/metrics.sock"  # relative, so that the limit on the length of socket paths is far away
_PLAIN_NAME = re.compile(r"[\w.-]{1,253}", re.ASCII)
_PLAIN_URL = re.compile(r"https?://[\w.:/\[\]~-]+", re.ASCII)
_NOWHERE = ("127.0.0.1", 1)  # stands for an address that is not known yet


@dataclass(frozen=True, kw_only=True)
class Site:
    """What the configuration depends on beside the table.

    Args:
        bind: IP address to listen on.
        port: TCP port to listen on.
        issuer: the `iss` of our tokens.
        keys: key id -> PEM file of the public key, of every key whose tokens are accepted.
        certificate: PEM file with certificate, chain and key.
        fingerprint: changes when the content of `certificate` does.
        threads: of HAProxy.
    """

    bind: str
    port: int
    issuer: str
    keys: Mapping[str, Path]
    certificate: Path
    fingerprint: str
    threads: int = 2


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What the table makes of HAProxy.

    Args:
        text: haproxy.cfg.
        skeleton: the same without addresses.
        maps: file name -> key -> value.
        servers: "backend/server" -> host and port, None while not known.
        digest: stands for all of this.
    """

    text: str
    skeleton: str
    maps: Mapping[str, Mapping[str, str]]
    servers: Mapping[str, tuple[str, int] | None]
    digest: str


def render(table: Table, site: Site) -> Rendered:
    """Return the configuration for a table.

    Raises:
        GatewayRejected: the table holds something that no configuration can be made of.
    """
    for backend in table.backends:
        _check(backend)
    backends = sorted(table.backends, key=lambda backend: backend.name)
    if len({backend.name for backend in backends}) < len(backends):
        raise GatewayRejected("The table of the gateway holds the same generation twice.")
    frame = _frame(site)
    servers = {f"{b.name}/{server.name}": _address(server) for b in backends for server in b.servers}
    text = frame + "".join(_backend(backend, servers) for backend in backends)
    skeleton = frame + "".join(_backend(backend, None) for backend in backends)
    maps = _maps(table)
    facts = json.dumps([text, maps], sort_keys=True)
    digest = hashlib.sha256(facts.encode()).hexdigest()[:32]
    return Rendered(text=text, skeleton=skeleton, maps=maps, servers=servers, digest=digest)


def map_text(entries: Mapping[str, str]) -> str:
    """Return the content of a map file."""
    return "".join(f"{key} {value}\n" for key, value in sorted(entries.items()))


def _maps(table: Table) -> dict[str, dict[str, str]]:
    names = {backend.name for backend in table.backends}
    groups = dict(table.idle) | {backend.deployment_id: backend.resource_group for backend in table.backends}
    routes = {pk: name for pk, number in table.routes.items() if (name := f"{pk}-g{number}") in names}
    for name in (*groups, *groups.values(), *table.revoked):
        _require_plain(name)
    return {ROUTES: routes, DEPLOYMENTS: groups, REVOKED: dict.fromkeys(table.revoked, "1")}


def _check(backend: Backend) -> None:
    _require_plain(backend.deployment_id)
    for server in backend.servers:
        _require_plain(server.name)
        if server.port == 0:
            continue
        try:
            ipaddress.ip_address(server.host)
        except ValueError:
            raise GatewayRejected(f"{backend.name}/{server.name}: {server.host!r} is not an IP address.") from None
        if not 0 < server.port < 65536:
            raise GatewayRejected(f"{backend.name}/{server.name}: {server.port} is not a port.")
    if len({server.name for server in backend.servers}) < len(backend.servers):
        raise GatewayRejected(f"{backend.name} has two servers of the same name.")


def _require_plain(name: str) -> None:
    if not _PLAIN_NAME.fullmatch(name):
        raise GatewayRejected(f"{name!r} cannot be in the gateway's configuration: use letters, digits, _, . and -.")


def _address(server: Server) -> tuple[str, int] | None:
    return (server.host, server.port) if server.port else None


def _backend(backend: Backend, servers: Mapping[str, tuple[str, int] | None] | None) -> str:
    """Return the section of a backend.

    Args:
        servers: their addresses, None to leave addresses out.
    """
    path = quote(backend.health_path, safe="/?&=:;,@!*()+-._~%") or "/"
    lines = [
        f"backend {backend.name}",
        "    balance leastconn",
        "    option httpchk",
        f"    http-check send meth GET uri '{path}' ver HTTP/1.1 hdr Host localhost",
        "    http-check expect status 200-299",
    ]
    if backend.retry:
        lines.append("    retry-on conn-failure empty-response")
    else:  # an idle connection may have been closed by the server meanwhile: then there is no second try
        lines += ["    retry-on conn-failure", "    http-reuse never"]
    for server in backend.servers:
        line = f"    server {server.name}"
        if servers is not None:
            known = servers[f"{backend.name}/{server.name}"]
            host, port = known or _NOWHERE
            line += f" {_bracketed(host)}:{port}{'' if known else ' disabled'}"
        lines.append(line)
    return "\n" + "\n".join(lines) + "\n"


def _frame(site: Site) -> str:
    if not _PLAIN_URL.fullmatch(site.issuer):
        raise GatewayRejected(f"LAUNCHPAD_URL is {site.issuer!r}, which is not a plain URL. Set it to one.")
    return _template().substitute(
        threads=site.threads,
        address=f"{_bracketed(site.bind)}:{site.port}",
        certificate=site.certificate,
        fingerprint=site.fingerprint,
        issuer=site.issuer,
        audience=AUDIENCE,
        verifications="\n".join(_verification(kid, path) for kid, path in sorted(site.keys.items())),
        metrics_socket=METRICS_SOCKET,
        errors="\n".join(f"    http-error {_reply(*error)}" for error in _ERRORS),
        **{name: f"    http-request return {_reply(*reply)}" for name, reply in _REPLIES.items()},
    )


def _bracketed(host: str) -> str:
    return f"[{host.strip('[]')}]" if ":" in host else host


def _verification(kid: str, path: Path) -> str:
    _require_plain(kid)
    verified = f"var(txn.token),jwt_verify(RS256,{path})"
    condition = f"{{ var(txn.algorithm) -m str RS256 }} {{ var(txn.kid) -m str -- {kid} }}"
    return f"    http-request set-var(txn.verified) {verified} if {condition}"


class _ConfigTemplate(Template):
    delimiter = "@"


@cache
def _template() -> _ConfigTemplate:
    return _ConfigTemplate(Path(__file__).with_name("haproxy.cfg.template").read_text())


_ID = "%[var(txn.id),json(utf8s)]"
_CHALLENGE = 'hdr WWW-Authenticate "Bearer error=\\"invalid_token\\""'
# name -> status, code, message, more headers
_REPLIES: Mapping[str, tuple[int, str, str, str]] = {
    "not_found_path": (
        404,
        "NotFound",
        "There is nothing here. Deployments answer below /v2/inference/deployments/.",
        "",
    ),
    "token_missing": (
        401,
        "TokenMissing",
        "Send an access token in the header Authorization: Bearer ....",
        "hdr WWW-Authenticate Bearer",
    ),
    "token_invalid": (401, "TokenInvalid", "The access token is not valid here.", _CHALLENGE),
    "token_expired": (401, "TokenExpired", "The access token has expired: ask for a new one.", _CHALLENGE),
    "token_revoked": (401, "TokenRevoked", "The access token has been revoked: ask for a new one.", _CHALLENGE),
    "not_found": (404, "DeploymentNotFound", f"There is no deployment {_ID} for this token and resource group.", ""),
    "not_running": (503, "DeploymentNotRunning", f"Deployment {_ID} has no running server.", ""),
}
_ERRORS = (
    (400, "BadRequest", "The request cannot be understood.", ""),
    (403, "Forbidden", "The request is not allowed.", ""),
    (408, "RequestTimeout", "The request did not arrive in time.", ""),
    (500, "InternalError", "The gateway failed.", ""),
    (502, "BadAnswer", f"The server of deployment {_ID} broke off or gave no valid answer.", ""),
    (503, "DeploymentNotRunning", f"Deployment {_ID} has no running server.", ""),
    (504, "ServerTimeout", f"The server of deployment {_ID} did not answer in time.", ""),
)


def _reply(status: int, code: str, message: str, headers: str) -> str:
    """Return the arguments of `http-error` or `http-request return` for an error in the AI API's form."""
    target = "%[var(txn.target),json(utf8s)]"
    body = f'{{"error":{{"code":"{code}","message":"{message}","requestId":"%[unique-id]","target":"{target}"}}}}'
    more = f"{headers} " if headers else ""
    return f"status {status} content-type application/json {more}hdr Cache-Control no-store lf-string '{body}'"
