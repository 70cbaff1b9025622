"""The desired state of the gateway in plain data: the input of `config.render` and `sync.apply`.

A backend is one generation of a deployment. It is in the table before it gets public traffic, so that its readiness
can be checked through the gateway, and afterwards until it is drained. `routes` says which generation is public.
`load` reads the table from the database.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.db.models import F
from django.db.models.fields.json import KeyTextTransform, KeyTransform

from deployments.gateway.holders import load_grants
from deployments.models import Deployment, Replica, ServiceKey, User
from deployments.runtimes.endpoint import Endpoint, is_address
from deployments.serving_template import HealthCheck, Retry


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
        health_check: how else replicas are asked, None for a GET of `health_path`.
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
    health_check: HealthCheck | None = None

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
    backends = _load_backends(groups)
    placed = {backend.deployment_id for backend in backends}
    generations = {(backend.deployment_id, backend.generation) for backend in backends}
    grants = load_grants()
    return RoutingTable(
        backends=backends,
        routes={pk: serving for pk, _, serving in deployments if serving is not None and (pk, serving) in generations},
        idle={pk: group for pk, group in groups.items() if pk not in placed},
        revoked=grants.revoked | _revoked_clients(),
        grants=grants.groups,
        read_at=read_at,
    )


def _load_backends(groups: Mapping[str, str]) -> tuple[Backend, ...]:
    """Return the generations that have replicas, of the deployments with these resource groups.

    Read in each sweep: three values of each server spec, and of each replica what a server is made from.
    """
    rows = (
        Replica.objects.filter(is_reserved=True, port__gt=0)
        .annotate(
            health_path=KeyTextTransform("health_path", "generation__server_spec"),
            retry=KeyTransform("retry", "generation__server_spec"),
            health_check=KeyTransform("health_check", "generation__server_spec"),
            deployment_id=F("generation__deployment_id"),
            generation_number=F("generation__number"),
        )
        .only("name", "number", "host", "port", "endpoint")
        .order_by("deployment_id", "generation_number", "number")
    )
    by_generation = groupby(rows, key=lambda replica: (replica.deployment_id, replica.generation_number))
    return tuple(
        _backend(deployment_id, generation, groups[deployment_id], list(replicas))
        for (deployment_id, generation), replicas in by_generation
        if deployment_id in groups  # not one that was created after the deployments were read
    )


def _backend(deployment_id: str, generation: int, group: str, replicas: Sequence[Any]) -> Backend:
    """Return the backend of replicas; those that are reached in another way than the first get no traffic."""
    upstreams = [upstream_of(replica) for replica in replicas]
    first = next((upstream for upstream in upstreams if upstream is not None), Upstream())
    return Backend(
        deployment_id=deployment_id,
        generation=generation,
        resource_group=group,
        servers=tuple(
            _server(replica) if upstream == first else _unreachable(replica)
            for replica, upstream in zip(replicas, upstreams, strict=True)
        ),
        health_path=replicas[0].health_path,
        retry=Retry(replicas[0].retry),
        upstream=first,
        health_check=_health_check(replicas[0].health_check),
    )


def _revoked_clients() -> set[str]:
    """Return the ids of clients whose tokens are refused: revoked service keys, and users who may not sign in."""
    revoked = set(ServiceKey.objects.exclude(revoked_at=None).values_list("client_id", flat=True))
    return revoked | {user.token_client for user in User.objects.filter(is_active=False).only("pk")}


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


def _health_check(stored: Mapping[str, Any] | None) -> HealthCheck | None:
    """Return a health check, None for one that a newer version has stored, with more to it: the path is asked then."""
    try:
        return HealthCheck(**stored) if stored else None
    except TypeError:
        return None


def _server(replica: Replica) -> Server:
    """Return a replica as a server. One bad address among the rows must not keep the gateway from all others."""
    if not is_address(replica.host) or not 0 < replica.port < 65536:
        return _unreachable(replica)
    return Server(name=replica.name, host=replica.host, port=replica.port)


def _unreachable(replica: Replica) -> Server:
    return Server(name=replica.name, host="", port=0)
