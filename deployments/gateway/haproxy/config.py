"""Renders HAProxy's configuration: a pure function of a routing table and a GatewayConfig.

What changes often can be changed in place by the runtime API: routes, known deployments and revocations are in map
files, and addresses of servers can be set. `Rendered.skeleton` is the rest; only a change of it needs a reload.
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

from deployments.auth.tokens import AUDIENCE
from deployments.errors import GatewayRejected
from deployments.gateway.haproxy import checks, replies
from deployments.gateway.haproxy.checks import CHECKS_SOCKET
from deployments.gateway.routing_table import Backend, RoutingTable, Server, Upstream
from deployments.runtimes.endpoint import is_address
from deployments.serving_template import Retry

ROUTES, DEPLOYMENTS, REVOKED, GRANTS = "routes.map", "deployments.map", "revoked.map", "grants.map"
SERVERS, STATE = "servers.map", "state.map"
STATE_KEY = "table"
# Relative, because the length of a socket's path is limited (about 100 bytes).
METRICS_SOCKET, WEB_SOCKET = "../run/metrics.sock", "../run/web.sock"
FRONTEND = "public"
BUFFERED_BYTES = 48_000  # a body of at most this many bytes fits into HAProxy's buffer beside its headers
CLIENT_SECONDS = 60  # for which a client may send nothing while its request is expected
LARGE_PER_PROCESS = 2  # threads of a web process (of eight) for large bodies; twice, for browsers and for programs
# Headers that affect the whole origin, or allow access from pages of other origins.
_HEADERS_REMOVED_FROM_MODELS = (
    *("Set-Cookie", "Set-Cookie2", "Clear-Site-Data", "Strict-Transport-Security", "Alt-Svc", "NEL", "Report-To"),
    *("Service-Worker-Allowed", "Public-Key-Pins"),
    *(f"Access-Control-{name}" for name in ("Allow-Origin", "Allow-Credentials", "Allow-Methods", "Allow-Headers")),
    *(f"Access-Control-{name}" for name in ("Expose-Headers", "Max-Age", "Allow-Private-Network")),
)
_PLAIN_NAME = re.compile(r"[\w.-]{1,253}", re.ASCII)
_PLAIN_URL = re.compile(r"https?://[\w.:/\[\]~-]+", re.ASCII)
_PLACEHOLDER_ADDRESS = ("127.0.0.1", 1)  # of a server whose address is not known yet


@dataclass(frozen=True, kw_only=True)
class GatewayConfig:
    """The part of the configuration that comes from the settings.

    Args:
        bind: IP address to listen on with TLS.
        port: TCP port to listen on with TLS.
        http_bind: IP address to listen on without TLS.
        http_port: TCP port to listen on without TLS.
        connections: maximum number of connections of clients at the same time.
        cors_origins: origins of pages that may call deployments, "*" for all.
        web_processes: of the web server.
        proxies: how many trusted proxies are in front of the gateway and add to X-Forwarded-For; with none, the
            client's own header is removed.
        is_behind_tls: whether a trusted proxy terminates TLS and says so with X-Forwarded-Proto.
        issuer: the `iss` of our tokens.
        keys: key id -> PEM file of the public key, for every key whose tokens are accepted.
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
    """The files of HAProxy for a table.

    Args:
        text: haproxy.cfg.
        skeleton: the same without addresses.
        maps: file name -> key -> value.
        certificates: file name -> PEM of the authorities that sign the certificates of servers.
        servers: "backend/server" -> host and port, None while not known.
        digest: of all of this.
    """

    text: str
    skeleton: str
    maps: Mapping[str, Mapping[str, str]]
    certificates: Mapping[str, str]
    servers: Mapping[str, tuple[str, int] | None]
    digest: str


def render(table: RoutingTable, config: GatewayConfig) -> Rendered:
    """Return the configuration for a table.

    Raises:
        GatewayRejected: the table has values that HAProxy's configuration cannot contain.
    """
    for backend in table.backends:
        _check(backend)
    backends = sorted(table.backends, key=lambda backend: backend.name)
    if len({backend.name for backend in backends}) < len(backends):
        raise GatewayRejected("The table of the gateway has the same generation twice.")
    frame = _frame(config)
    servers = {f"{b.name}/{server.name}": _address(server) for b in backends for server in b.servers}
    text = frame + "".join(_backend(backend, servers) for backend in backends)
    skeleton = frame + "".join(_backend(backend, None) for backend in backends)
    # During a reload two workers would share a socket of the same name, and the old one does not know new servers.
    socket = CHECKS_SOCKET.replace("*", hashlib.sha256(skeleton.encode()).hexdigest()[:12])
    text, skeleton = text.replace(CHECKS_SOCKET, socket), skeleton.replace(CHECKS_SOCKET, socket)
    maps = {**_maps(table), SERVERS: {name: "{}/{}".format(*address) for name, address in servers.items() if address}}
    content = json.dumps([text, maps], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()[:32]
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
    grants = {f"{grant}/{group}": "1" for grant, group_ids in table.grants.items() for group in group_ids}
    return {ROUTES: routes, DEPLOYMENTS: groups, REVOKED: dict.fromkeys(table.revoked, "1"), GRANTS: grants}


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
        *checks.lines(backend),
        *_rewriting(backend.upstream),
    ]
    lines += _retries(backend)
    for server in backend.servers:
        line = f"    server {server.name}"
        if servers is not None:
            address = servers[f"{backend.name}/{server.name}"]
            host, port = address or _PLACEHOLDER_ADDRESS
            line += f" {_bracketed(host)}:{port}{'' if address else ' disabled'}"
        if backend.upstream.scheme == "https":
            line += f" ssl verify required ca-file {_ca_file(backend.upstream)}{_expected_name(backend.upstream)}"
        lines.append(line)
    return "\n" + "\n".join(lines) + "\n"


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
    """Return the name that a server's certificate must have, as arguments of a server."""
    name = upstream.server_name
    return f" verifyhost {name}" if is_address(name) else f" verifyhost {name} sni str({name})"


def _ca_file(upstream: Upstream) -> str:
    """Return the file of the authorities, relative to the configuration; without any the system's are trusted."""
    if not upstream.ca:
        return "@system-ca"
    return f"ca-{hashlib.sha256(upstream.ca.encode()).hexdigest()[:16]}.pem"


def _retries(backend: Backend) -> list[str]:
    """Return the rules that decide whether a request is retried after its server closed the connection unanswered.

    A request can be retried only when it has arrived completely. Many clients send head and body separately, so a
    small body of known length gets 100 ms to arrive; streamed bodies do not wait. Connections to servers are not
    reused: when a reused one breaks, HAProxy closes the client's connection without an answer, and browsers then
    repeat any request.
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


def _frame(config: GatewayConfig) -> str:
    if not _PLAIN_URL.fullmatch(config.issuer):
        raise GatewayRejected(f"LAUNCHPAD_URL is {config.issuer!r}, which is not a plain URL. Set it to one.")
    return _template().substitute(
        threads=config.threads,
        http_address=f"{_bracketed(config.http_bind)}:{config.http_port}",
        https_address=f"{_bracketed(config.bind)}:{config.port}",
        certificate=config.certificate,
        fingerprint=config.fingerprint,
        issuer=config.issuer,
        audience=AUDIENCE,
        verifications="\n".join(_verification(kid, path) for kid, path in sorted(config.keys.items())),
        forwarded_for=_forwarded_for(config),
        unless_forwarded_proto=" !{ req.hdr(X-Forwarded-Proto) -m found }" if config.is_behind_tls else "",
        model_headers="\n".join(
            f"    http-response del-header {name} if is_inference" for name in _HEADERS_REMOVED_FROM_MODELS
        ),
        buffered=BUFFERED_BYTES,
        client_seconds=CLIENT_SECONDS,
        max_connections=config.connections,
        max_connections_with_checks=config.connections * 11 // 10 + 20,
        max_of_deployment=max(config.connections // 5, 1),
        address_limit=_address_limit(config),
        allowed_origins=_allowed_origins(config),
        max_large=LARGE_PER_PROCESS * config.web_processes,
        web_socket=WEB_SOCKET,
        metrics_socket=METRICS_SOCKET,
        checks_socket=CHECKS_SOCKET,
        **replies.errors(),
        **replies.rules(),
    )


def _address_limit(config: GatewayConfig) -> str:
    if config.proxies:  # all clients have the address of the proxy
        return ""
    return (
        "    tcp-request connection track-sc0 src table addresses\n"
        f"    tcp-request connection reject if {{ sc0_conn_cur gt {max(config.connections * 2 // 5, 1)} }}"
    )


def _allowed_origins(config: GatewayConfig) -> str:
    if "*" in config.cors_origins:
        return "var(txn.origin) -m found"
    for origin in config.cors_origins:
        if not _PLAIN_URL.fullmatch(origin):
            raise GatewayRejected(
                f"LAUNCHPAD_CORS_ORIGINS contains {origin!r}, which is not an origin. Name origins like https://example.com."
            )
    return f"var(txn.origin) -m str -i -- {' '.join(config.cors_origins)}"


def _forwarded_for(config: GatewayConfig) -> str:
    if config.proxies:
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
