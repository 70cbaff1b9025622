"""The configuration of HAProxy: a pure function of the table and of where things are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployments.gateway.table import Backend, Table, backend_name

PREFIX = "/v2/inference/deployments/"
GENERATION_HEADER = "x-launchpad-generation"  # honoured only with a token that proves; see tokens.issue


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the gateway listens and what it reads.

    Args:
        bind: address and port of the public listener.
        folder: of `haproxy.cfg` and the maps.
        run: of the sockets, which only we can open.
        certificate: certificate and key of the listener.
        keys: key id -> file with the public key, for tokens.
        issuer, audience: what tokens have to carry.
        threads: how many cores it may use.
    """

    bind: str
    folder: Path
    run: Path
    certificate: Path
    keys: Mapping[str, Path]
    issuer: str
    audience: str
    threads: int = 2

    @property
    def stats_socket(self) -> Path:
        return self.run / "gateway.sock"

    @property
    def master_socket(self) -> Path:
        return self.run / "gateway-master.sock"

    @property
    def config(self) -> Path:
        return self.folder / "haproxy.cfg"

    def map(self, name: str) -> Path:
        return self.folder / f"{name}.map"


def render_maps(table: Table, revoked: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the content of each map: they can be changed while the gateway runs."""
    return {
        "routes": {pk: backend_name(pk, generation) for pk, generation in table.routes.items()},
        "groups": dict(table.groups),
        "revoked": dict.fromkeys(sorted(revoked), "1"),
    }


def render_config(table: Table, place: Place) -> str:
    """Return the text of `haproxy.cfg`: what takes a (seamless) reload to change."""
    parts = [_HEAD.format(place=place), _frontend(place)]
    parts += [_backend(backend) for backend in sorted(table.backends, key=lambda backend: backend.name)]
    return "\n".join(parts)


_HEAD = """\
# Written by Launchpad and overwritten at every change; see deployments/gateway/config.py.
global
    maxconn 2000
    nbthread {place.threads}
    stats socket {place.stats_socket} mode 600 level admin expose-fd listeners
    hard-stop-after 10m
    ssl-default-bind-options ssl-min-ver TLSv1.2
    log stderr format raw daemon notice

defaults
    mode http
    log global
    option http-no-delay
    option dontlog-normal
    option splice-auto
    timeout connect 2s
    timeout client 10m
    timeout server 10m
    timeout tunnel 1h
    timeout http-request 30s
    timeout http-keep-alive 60s
    timeout queue 30s
    timeout check 1s

frontend metrics
    bind unix@{place.run}/gateway-metrics.sock mode 600
    http-request use-service prometheus-exporter
"""


def _frontend(place: Place) -> str:
    """The public listener: who may come in, and where to."""
    token = "http_auth_bearer"  # noqa: S105  the name of a sample, no secret
    lines = [
        "frontend inference",
        f"    bind {place.bind} ssl crt {place.certificate} alpn h2,http/1.1",
        "    unique-id-format %[uuid()]",
        "    http-request set-var(txn.request_id) unique-id",
        "    http-after-response set-header X-Request-Id %[unique-id]",
        "    http-request return status 200 content-type text/plain string ok if { path /healthz }",
        f"    http-request set-var(txn.alg) {token},jwt_header_query('$.alg')",
        f"    http-request set-var(txn.kid) {token},jwt_header_query('$.kid')",
        *(
            f"    http-request set-var(txn.valid) {token},jwt_verify(txn.alg,{file})"
            f" if {{ var(txn.alg) -m str RS256 }} {{ var(txn.kid) -m str {kid} }}"
            for kid, file in sorted(place.keys.items())
        ),
        _refuse(
            401, 'Send a token as "Authorization: Bearer ..."; /oauth/token issues them.', f"!{{ {token} -m found }}"
        ),
        _refuse(401, "The token is not valid: it was not issued here.", "!{ var(txn.valid) -m int 1 }"),
        f"    http-request set-var(txn.exp) {token},jwt_payload_query('$.exp','int')",
        "    http-request set-var(txn.now) date()",
        _refuse(
            401,
            "The token has expired. Get a new one from /oauth/token.",
            "!{ var(txn.exp),sub(txn.now) -m int gt 0 }",
        ),
        _refuse(
            401,
            "The token was issued elsewhere or for something else.",
            f"!{{ {token},jwt_payload_query('$.iss') -m str {place.issuer} }}"
            f" or !{{ {token},jwt_payload_query('$.aud') -m str {place.audience} }}",
        ),
        f"    http-request set-var(txn.azp) {token},jwt_payload_query('$.azp')",
        _refuse(
            401,
            "The service key of this token was revoked.",
            f"{{ var(txn.azp),map_str({place.map('revoked')}) -m found }}",
        ),
        _refuse(404, "There is nothing at this address.", f"!{{ path_beg {PREFIX} }}"),
        "    http-request set-var(txn.id) path,field(5,/)",
        f"    http-request set-var(txn.group) var(txn.id),map_str({place.map('groups')})",
        "    # A header with several values is the one thing that can be searched for a value known only now.",
        f"    http-request set-header x-launchpad-groups %[{token},jwt_payload_query('$.groups')]",
        "    acl sees_group req.hdr(x-launchpad-groups) -m str *",
        "    acl sees_group req.hdr(x-launchpad-groups),strcmp(txn.group) eq 0",
        "    acl names_group req.hdr(ai-resource-group) -m found",
        "    acl names_this_group req.hdr(ai-resource-group),strcmp(txn.group) eq 0",
        "    http-request set-var(txn.unseen) bool(true) if !{ var(txn.group) -m found } or !sees_group",
        "    http-request set-var(txn.unseen) bool(true) if names_group !names_this_group",
        _refuse(404, "There is no such deployment in your resource groups.", "{ var(txn.unseen) -m bool }"),
        f"    http-request set-var(txn.backend) var(txn.id),map_str({place.map('routes')})",
        f"    acl proves {token},jwt_payload_query('$.probe') -m str 1",
        f"    http-request set-var-fmt(txn.backend) %[var(txn.id)]-g%[req.hdr({GENERATION_HEADER})]"
        f" if proves {{ req.hdr({GENERATION_HEADER}) -m found }}",
        _refuse(503, "The deployment has no running server now.", "!{ var(txn.backend) -m found }"),
        "    http-request del-header authorization",
        "    http-request del-header x-launchpad- -m beg",
        "    http-request set-header X-Request-Id %[unique-id]",
        f"    http-request replace-path {PREFIX}[^/]+/?(.*) /\\1",
        "    use_backend %[var(txn.backend)]",
        "    default_backend gone",
        "",
        "backend gone",
        _refuse(503, "The deployment has no running server now.", ""),
        "",
    ]
    return "\n".join(lines)


def _refuse(status: int, message: str, condition: str) -> str:
    condition = f" if {condition}" if condition else ""
    answer = f"return status {status} content-type application/json lf-string {_error(status, message)}"
    return f"    http-request {answer}{condition}"


def _error(status: int, message: str) -> str:
    """Return an error in the AI API's form, quoted for HAProxy's log format."""
    text = message.replace('"', '\\"')
    body = (
        f'{{"error":{{"code":"{status:08d}","message":"{text}","requestId":"%[var(txn.request_id)]",'
        '"target":"%[path,json(utf8s)]"}}'
    )
    return "'" + body.replace("'", "'\\''") + "'"


def _backend(backend: Backend) -> str:
    """The servers of one generation."""
    retries = "conn-failure empty-response" if backend.retry else "none"
    lines = [
        f"backend {backend.name}",
        "    balance leastconn",
        "    option redispatch 1",
        "    retries 3",
        f"    retry-on {retries}",
        "    option httpchk",
        f"    http-check send meth GET uri {_quoted(backend.health_path)} hdr User-Agent Launchpad-Gateway",
        "    http-check expect status 200-299",
        "    default-server check inter 2s fastinter 200ms downinter 200ms rise 1 fall 2",
        "    default-server observe layer4 on-error fastinter",
        _http_error(502, "The server ended before it had answered."),
        _http_error(503, "No server of the deployment answers now."),
        _http_error(504, "The server did not answer in time."),
    ]
    lines += [f"    server {server.name} {server.host}:{server.port}" for server in backend.servers]
    return "\n".join([*lines, ""])


def _http_error(status: int, message: str) -> str:
    return f"    http-error status {status} content-type application/json lf-string {_error(status, message)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
