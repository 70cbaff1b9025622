"""The desired state of the gateway in plain data: the input of `config.render` and `sync.apply`.

A backend is one generation of a deployment. It is in the table before it gets public traffic, so that its readiness
can be checked through the gateway, and afterwards until it is drained. `routes` says which generation is public.
`load` reads the table from the database.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F
from django.db.models.fields.json import KeyTextTransform, KeyTransform

from deployments.gateway.holders import load_grants
from deployments.models import Deployment, Replica, ServiceKey, User
from deployments.runtimes.endpoint import Endpoint, is_address
from deployments.serving_template import Retry


@dataclass(frozen=True, kw_only=True)
class Server:
    """One replica behind a backend.

    Args:
        name: stable while the replica restarts, e.g. "r0": a new address under the same name needs no reload.
        host: IP address; may be empty while the address is not known.
        port: 0 while the address is not known: the server is then listed but gets no traffic.
    """

    name: str
    host: str
    port: int


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """How requests are sent to the servers of a backend; see `runtimes.endpoint.Endpoint` for what each is.

    Args:
        server_name: the name that their certificates must have, with https.
    """

    scheme: str = "http"
    server_name: str = ""
    path_prefix: str = ""
    host_header: str = ""
    ca: str = ""


@dataclass(frozen=True, kw_only=True)
class Backend:
    """One generation of a deployment.

    Args:
        resource_group: whose tokens may use it.
        servers: its replicas.
        health_path: HTTP path that answers 2xx when a replica is healthy.
        retry: which requests are sent to another replica when theirs ended before it answered. Requests that never
            reached a replica are always sent to another one.
        upstream: how requests are sent to all of its servers.
    """

    deployment_id: str
    generation: int
    resource_group: str
    servers: tuple[Server, ...]
    health_path: str
    retry: Retry = Retry.SAFE
    upstream: Upstream = Upstream()

    @property
    def name(self) -> str:
        return backend_name(self.deployment_id, self.generation)


@dataclass(frozen=True, kw_only=True)
class RoutingTable:
    """The desired state of the gateway.

    Args:
        backends: the generations that have replicas.
        routes: deployment id -> generation that gets public traffic. A deployment without one is answered with 503.
        idle: deployment id -> resource group of the deployments that exist without a backend (stopped, dead, not yet
            placed). They are answered with 503; ids that are neither here nor in `backends` with 404.
        revoked: client ids, token ids (`jti`) and grants whose tokens are refused.
        grants: id of a grant -> resource groups, of the grants whose groups are too many for a token.
        read_at: `time.monotonic_ns()` from **before** the first row was read. Of two tables the gateway uses the one
            that was read later, in whichever order they are applied.
    """

    backends: tuple[Backend, ...] = ()
    routes: Mapping[str, int] = field(default_factory=dict)
    idle: Mapping[str, str] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()
    grants: Mapping[str, Sequence[str]] = field(default_factory=dict)
    read_at: int = field(default_factory=time.monotonic_ns)


def backend_name(deployment_id: str, generation: int) -> str:
    """Return the name of a backend; metrics carry it, so it begins with the deployment's id."""
    return f"{deployment_id}-g{generation}"


def load() -> RoutingTable:
    """Read the table, with a fixed number of queries."""
    read_at = time.monotonic_ns()
    deployments = list(Deployment.objects.order_by("pk").values_list("pk", "resource_group_id", "serving_generation"))
    groups = {pk: group for pk, group, _ in deployments}
    # Read in each sweep: two values of each server spec, and of each replica what a server is made from.
    replicas = (
        Replica.objects.filter(is_reserved=True, port__gt=0)
        .annotate(
            health_path=KeyTextTransform("health_path", "generation__server_spec"),
            retry=KeyTransform("retry", "generation__server_spec"),
            deployment_id=F("generation__deployment_id"),
            generation_number=F("generation__number"),
        )
        .only("name", "number", "host", "port", "endpoint")
        .order_by("deployment_id", "generation_number", "number")
    )
    servers: dict[tuple[str, int], list[Server]] = {}
    upstreams: dict[tuple[str, int], Upstream] = {}
    asked: dict[tuple[str, int], tuple[str, Any]] = {}  # health path, what may be repeated
    for replica in replicas:
        key = (replica.deployment_id, replica.generation_number)
        if key[0] in groups:  # not one that was created after the deployments were read
            upstream = upstream_of(replica)
            is_alike = upstream is not None and upstream == upstreams.setdefault(key, upstream)
            servers.setdefault(key, []).append(_server(replica) if is_alike else _unreachable(replica))
            asked[key] = (replica.health_path, replica.retry)
    backends = tuple(
        Backend(
            deployment_id=key[0],
            generation=key[1],
            resource_group=groups[key[0]],
            servers=tuple(backend_servers),
            health_path=asked[key][0],
            retry=Retry(asked[key][1]),
            upstream=upstreams.get(key, Upstream()),
        )
        for key, backend_servers in servers.items()
    )
    placed = {pk for pk, _ in servers}
    revoked = set(ServiceKey.objects.exclude(revoked_at=None).values_list("client_id", flat=True))
    revoked |= {user.token_client for user in User.objects.filter(is_active=False).only("pk")}
    grants = load_grants()
    return RoutingTable(
        backends=backends,
        routes={pk: serving for pk, _, serving in deployments if serving is not None and (pk, serving) in servers},
        idle={pk: group for pk, group in groups.items() if pk not in placed},
        revoked=grants.revoked | revoked,
        grants=grants.groups,
        read_at=read_at,
    )


def upstream_of(replica: Replica) -> Upstream | None:
    """Return how requests are sent to a replica: plain HTTP while its endpoint is not known, None when they cannot be.

    An endpoint that a newer version has stored, with more to it, cannot be used.
    """
    if replica.endpoint is None:
        return Upstream()
    try:
        endpoint = Endpoint(**replica.endpoint)
        if endpoint.problem:
            return None
    except TypeError:
        return None
    is_encrypted = endpoint.scheme == "https"
    return Upstream(
        scheme=endpoint.scheme,
        server_name=endpoint.server_name if is_encrypted else "",
        path_prefix=endpoint.path_prefix,
        host_header=endpoint.host_header,
        ca=endpoint.ca if is_encrypted else "",
    )


def _server(replica: Replica) -> Server:
    """Return a replica as a server. One bad address among the rows must not keep the gateway from all others."""
    if not is_address(replica.host) or not 0 < replica.port < 65536:
        return _unreachable(replica)
    return Server(name=replica.name, host=replica.host, port=replica.port)


def _unreachable(replica: Replica) -> Server:
    return Server(name=replica.name, host="", port=0)
