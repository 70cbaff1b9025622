"""Renders HAProxy's configuration. A pure function of a table and a site, so that equal input gives equal files.

What changes often is kept out of the configuration file: routes, known deployments and revocations are maps, which
the runtime API changes in place, and so are the addresses of servers. `Rendered.skeleton` is the rest; only a change
of it needs a reload.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from string import Template
from urllib.parse import quote

from deployments.auth.tokens import AUDIENCE
from deployments.errors import GatewayRejected
from deployments.gateway.haproxy import replies
from deployments.gateway.routing_table import Backend, RoutingTable, Server, Upstream
from deployments.runtimes.endpoint import is_address
from deployments.serving_template import Retry

ROUTES, DEPLOYMENTS, REVOKED, GRANTS = "routes.map", "deployments.map", "revoked.map", "grants.map"
SERVERS, STATE = "servers.map", "state.map"
STATE_KEY = "table"
# Relative, so that the limit on the length of socket paths is far away.
METRICS_SOCKET, WEB_SOCKET, CHECKS_SOCKET = "../run/metrics.sock", "../run/web.sock", "../run/checks-*.sock"
FRONTEND = "public"
BUFFERED_BYTES = 48_000  # a body of at most this many bytes fits into HAProxy's buffer beside its headers
CLIENT_SECONDS = 60  # that a client may be silent when it is its turn
LARGE_PER_PROCESS = 2  # of the eight threads of a web process; twice, for people and for programs
# Headers that count for all of an origin, or let pages of other origins in.
_NOT_FROM_MODELS = (
    *("Set-Cookie", "Set-Cookie2", "Clear-Site-Data", "Strict-Transport-Security", "Alt-Svc", "NEL", "Report-To"),
    *("Service-Worker-Allowed", "Public-Key-Pins"),
    *(f"Access-Control-{name}" for name in ("Allow-Origin", "Allow-Credentials", "Allow-Methods", "Allow-Headers")),
    *(f"Access-Control-{name}" for name in ("Expose-Headers", "Max-Age", "Allow-Private-Network")),
)
_PLAIN_NAME = re.compile(r"[\w.-]{1,253}", re.ASCII)
_PLAIN_URL = re.compile(r"https?://[\w.:/\[\]~-]+", re.ASCII)
_NAME = "|%[be_name]/%[srv_name]|"  # the key in servers.map, between what no health path has
_NOWHERE = ("127.0.0.1", 1)  # stands for an address that is not known yet


@dataclass(frozen=True, kw_only=True)
class GatewayConfig:
    """What the configuration depends on beside the table.

    Args:
        bind: IP address to listen on with TLS.
        port: TCP port to listen on with TLS.
        http_bind: IP address to listen on without TLS.
        http_port: TCP port to listen on without TLS.
        connections: most connections of clients at a time.
        cors_origins: origins whose pages may use deployments, "*" for all.
        web_processes: of the web server.
        proxies: how many trusted proxies stand before the gateway and add to X-Forwarded-For; with none, what clients
            send in its place is thrown away.
        is_behind_tls: whether a trusted proxy says with X-Forwarded-Proto that it has ended TLS.
        issuer: the `iss` of our tokens.
        keys: key id -> PEM file of the public key, of every key whose tokens are accepted.
        certificate: PEM file with certificate, chain and key.
        fingerprint: changes when the content of `certificate` does.
        threads: of HAProxy.
    """

    bind: str
    port: int
    http_bind: str
    http_port: int
    issuer: str
    keys: Mapping[str, Path]
    certificate: Path
    fingerprint: str
    threads: int = 2
    connections: int = 10_000
    cors_origins: tuple[str, ...] = ()
    web_processes: int = 1
    proxies: int = 0
    is_behind_tls: bool = False


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What the table makes of HAProxy.

    Args:
        text: haproxy.cfg.
        skeleton: the same without addresses.
        maps: file name -> key -> value.
        certificates: file name -> PEM, of those who sign the certificates of servers.
        servers: "backend/server" -> host and port, None while not known.
        digest: stands for all of this.
    """

    text: str
    skeleton: str
    maps: Mapping[str, Mapping[str, str]]
    certificates: Mapping[str, str]
    servers: Mapping[str, tuple[str, int] | None]
    digest: str


def render(table: RoutingTable, site: GatewayConfig) -> Rendered:
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
    # Workers share a socket of one name while one replaces the other, and the old one does not know new servers.
    socket = CHECKS_SOCKET.replace("*", hashlib.sha256(skeleton.encode()).hexdigest()[:12])
    text, skeleton = text.replace(CHECKS_SOCKET, socket), skeleton.replace(CHECKS_SOCKET, socket)
    maps = {**_maps(table), SERVERS: {name: "{}/{}".format(*known) for name, known in servers.items() if known}}
    facts = json.dumps([text, maps], sort_keys=True)
    digest = hashlib.sha256(facts.encode()).hexdigest()[:32]
    certificates = {_ca_file(b.upstream): b.upstream.ca for b in backends if b.upstream.ca}
    return Rendered(text=text, skeleton=skeleton, maps=maps, certificates=certificates, servers=servers, digest=digest)


def map_text(entries: Mapping[str, str]) -> str:
    """Return the content of a map file."""
    return "".join(f"{key} {value}\n" for key, value in sorted(entries.items()))


def _maps(table: RoutingTable) -> dict[str, dict[str, str]]:
    names = {backend.name for backend in table.backends}
    groups = dict(table.idle) | {backend.deployment_id: backend.resource_group for backend in table.backends}
    routes = {pk: name for pk, number in table.routes.items() if (name := f"{pk}-g{number}") in names}
    for name in (*groups, *groups.values(), *table.revoked, *table.grants, *chain(*table.grants.values())):
        _require_plain(name)
    granted = {f"{grant}/{group}": "1" for grant, named in table.grants.items() for group in named}
    return {ROUTES: routes, DEPLOYMENTS: groups, REVOKED: dict.fromkeys(table.revoked, "1"), GRANTS: granted}


def _check(backend: Backend) -> None:
    _require_plain(backend.deployment_id)
    for server in backend.servers:
        _require_plain(server.name)
        if server.port == 0:
            continue
        if not is_address(server.host):
            raise GatewayRejected(f"{backend.name}/{server.name}: {server.host!r} is not an IP address.")
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
    lines = [
        f"backend {backend.name}",
        "    balance leastconn",
        *_checks(backend),
        *_rewriting(backend.upstream),
    ]
    lines += _retries(backend)
    for server in backend.servers:
        line = f"    server {server.name}"
        if servers is not None:
            known = servers[f"{backend.name}/{server.name}"]
            host, port = known or _NOWHERE
            line += f" {_bracketed(host)}:{port}{'' if known else ' disabled'}"
        if backend.upstream.scheme == "https":
            line += f" ssl verify required ca-file {_ca_file(backend.upstream)}{_expected_name(backend.upstream)}"
        lines.append(line)
    return "\n" + "\n".join(lines) + "\n"


def _checks(backend: Backend) -> list[str]:
    """Return the lines that ask servers whether they are healthy.

    What is encrypted is asked directly: the way through CHECKS_SOCKET reads which server is meant.
    """
    path = quote(backend.upstream.path_prefix + backend.health_path, safe="/?&=:;,@!*()+-._~%") or "/"
    sent = f"hdr Host {backend.upstream.host_header or 'localhost'}"
    # Without `linger` every check ends with a reset, which servers write into their logs as an error.
    connect = f"addr unix@{CHECKS_SOCKET} linger"
    if backend.upstream.scheme == "https":
        name = backend.upstream.server_name
        connect = "linger ssl" if is_address(name) else f"linger ssl sni {name}"
    else:
        sent += f" hdr X-Launchpad-Replica {_NAME}"
    return [
        "    option httpchk",
        f"    http-check connect {connect}",
        f"    http-check send meth GET uri '{path}' ver HTTP/1.1 {sent}",
        "    http-check expect status 200-299",
    ]


def _rewriting(upstream: Upstream) -> list[str]:
    """Return the lines that give requests the form that the servers of a backend expect."""
    lines = []
    if upstream.host_header:
        lines.append(f"    http-request set-header Host {upstream.host_header}")
    if prefix := upstream.path_prefix:
        lines.append(f"    http-request set-path '{prefix}%[path]'")
        lines.append(f"    http-response replace-header Location '^{re.escape(prefix)}(/.*)$' '\\1'")
    return lines


def _expected_name(upstream: Upstream) -> str:
    """Return what a server's certificate has to be for, as arguments of a server."""
    name = upstream.server_name
    return f" verifyhost {name}" if is_address(name) else f" verifyhost {name} sni str({name})"


def _ca_file(upstream: Upstream) -> str:
    """Return the file of the authorities, relative to the configuration; without any the system's are trusted."""
    if not upstream.ca:
        return "@system-ca"
    return f"ca-{hashlib.sha256(upstream.ca.encode()).hexdigest()[:16]}.pem"


def _retries(backend: Backend) -> list[str]:
    """Return what decides whether a request is repeated whose server broke off before it answered.

    A request can be repeated only when it is wholly here. Many clients send head and body apart, so a small body of
    known length gets a moment to come; what is streamed never waits. Connections are not used again: when one breaks
    that was, HAProxy closes the client's without an answer, and browsers then repeat whatever it was.
    """
    lines = ["    option http-server-close"]
    if backend.retry == Retry.NONE:
        return [*lines, "    retry-on conn-failure"]
    if backend.retry == Retry.SAFE:
        lines += [
            "    acl is_repeatable method GET HEAD PUT",
            "    http-request disable-l7-retry unless is_repeatable",
        ]
    else:
        lines += ["    acl is_repeatable always_true"]
    return [
        *lines,
        "    retry-on conn-failure empty-response",
        f"    http-request disable-l7-retry if {{ nbsrv({backend.name}) lt 2 }}",
        "    tcp-request inspect-delay 100ms",
        "    acl has_small_body req.hdr_val(Content-Length) gt 0",
        "    acl is_too_large req.hdr_val(Content-Length) gt 60000",
        "    tcp-request content accept if !is_repeatable",
        "    tcp-request content accept if !has_small_body",
        "    tcp-request content accept if is_too_large",
        "    tcp-request content accept if { req.body_len gt 0 }",
        "    tcp-request content accept if WAIT_END",
    ]


def _frame(site: GatewayConfig) -> str:
    if not _PLAIN_URL.fullmatch(site.issuer):
        raise GatewayRejected(f"LAUNCHPAD_URL is {site.issuer!r}, which is not a plain URL. Set it to one.")
    return _template().substitute(
        threads=site.threads,
        http_address=f"{_bracketed(site.http_bind)}:{site.http_port}",
        https_address=f"{_bracketed(site.bind)}:{site.port}",
        certificate=site.certificate,
        fingerprint=site.fingerprint,
        issuer=site.issuer,
        audience=AUDIENCE,
        verifications="\n".join(_verification(kid, path) for kid, path in sorted(site.keys.items())),
        forwarded_for=_forwarded_for(site),
        unless_told=" !{ req.hdr(X-Forwarded-Proto) -m found }" if site.is_behind_tls else "",
        model_headers="\n".join(f"    http-response del-header {name} if is_inference" for name in _NOT_FROM_MODELS),
        buffered=BUFFERED_BYTES,
        client_seconds=CLIENT_SECONDS,
        most_connections=site.connections,
        most_with_checks=site.connections * 11 // 10 + 20,
        most_of_deployment=max(site.connections // 5, 1),
        address_limit=_address_limit(site),
        allowed_origins=_allowed_origins(site),
        most_large=LARGE_PER_PROCESS * site.web_processes,
        web_socket=WEB_SOCKET,
        metrics_socket=METRICS_SOCKET,
        checks_socket=CHECKS_SOCKET,
        **replies.errors(),
        **replies.rules(),
    )


def _address_limit(site: GatewayConfig) -> str:
    if site.proxies:  # all clients have the address of the proxy
        return ""
    return (
        "    tcp-request connection track-sc0 src table addresses\n"
        f"    tcp-request connection reject if {{ sc0_conn_cur gt {max(site.connections * 2 // 5, 1)} }}"
    )


def _allowed_origins(site: GatewayConfig) -> str:
    if "*" in site.cors_origins:
        return "var(txn.origin) -m found"
    for origin in site.cors_origins:
        if not _PLAIN_URL.fullmatch(origin):
            raise GatewayRejected(
                f"LAUNCHPAD_CORS_ORIGINS holds {origin!r}, which is not an origin. Name origins like https://example.com."
            )
    return f"var(txn.origin) -m str -i -- {' '.join(site.cors_origins)}"


def _forwarded_for(site: GatewayConfig) -> str:
    if site.proxies:
        return "    http-request add-header X-Forwarded-For %[src]"
    return "    http-request set-header X-Forwarded-For %[src]"


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
