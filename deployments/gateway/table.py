"""What the gateway has to know, read from the database: the one input of its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployments.models import Deployment, Replica


@dataclass(frozen=True, kw_only=True)
class Server:
    """The address of one replica."""

    name: str
    host: str
    port: int


@dataclass(frozen=True, kw_only=True)
class Backend:
    """The servers of one generation of a deployment.

    It is in the table before traffic goes to it, so that the gateway can prove it, and after traffic has left it, until
    it is drained.

    Args:
        health_path: answers 2xx on a healthy server.
        retry: whether a request whose server died before answering may be tried on another one.
    """

    deployment_id: str
    generation: int
    servers: tuple[Server, ...]
    health_path: str
    retry: bool = True

    @property
    def name(self) -> str:
        return backend_name(self.deployment_id, self.generation)


@dataclass(frozen=True, kw_only=True)
class Table:
    """All backends and routes.

    Args:
        routes: deployment id -> the generation that public traffic goes to.
        groups: deployment id -> resource group, of every deployment that exists, routed or not.
    """

    backends: tuple[Backend, ...] = ()
    routes: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)


def backend_name(deployment_id: str, generation: int) -> str:
    """Return the name of a generation's backend; metrics carry it."""
    return f"{deployment_id}-g{generation}"


def load() -> Table:
    """Read the table, in two queries however many deployments there are."""
    replicas = (
        Replica.objects.filter(is_held=True, port__gt=0)
        .select_related("generation")
        .order_by("generation__deployment_id", "generation__number", "number")
    )
    servers: dict[tuple[str, int], list[Server]] = {}
    recipes: dict[tuple[str, int], Mapping[str, object]] = {}
    for replica in replicas:
        key = (replica.generation.deployment_id, replica.generation.number)
        servers.setdefault(key, []).append(Server(name=replica.name, host=replica.host, port=replica.port))
        recipes[key] = replica.generation.recipe
    rows = list(Deployment.objects.order_by("pk").values_list("pk", "resource_group_id", "serving_generation"))
    return Table(
        backends=tuple(
            Backend(
                deployment_id=key[0],
                generation=key[1],
                servers=tuple(found),
                health_path=str(recipes[key]["health_path"]),
                retry=bool(recipes[key]["retry"]),
            )
            for key, found in servers.items()
        ),
        routes={pk: serving for pk, _, serving in rows if serving is not None and (pk, serving) in servers},
        groups={pk: group for pk, group, _ in rows},
    )
