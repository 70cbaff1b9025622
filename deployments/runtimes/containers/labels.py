"""What our containers and volumes carry: whose they are, and all that is needed to look after a container.

Nothing secret is among it: whoever may ask the engine sees labels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deployments.runtimes.base import HealthCheck, Owner

INSTALLATION, CONNECTION = "launchpad.installation", "launchpad.connection"
REPLICA, ATTEMPT, DEPLOYMENT = "launchpad.replica", "launchpad.attempt", "launchpad.deployment"
ROLE = "launchpad.role"  # SERVER, or LOADER: what only fills a volume
SERVER, LOADER = "server", "loader"
_VALUES = "launchpad.values"
_NAME = 8  # characters of the installation in names


def owner_labels(owner: Owner) -> dict[str, str]:
    """Return the labels of everything that a connection creates."""
    return {INSTALLATION: owner.installation, CONNECTION: owner.connection}


def owner_filter(owner: Owner) -> list[str]:
    """Return what selects it at the engine."""
    return [f"{name}={value}" for name, value in owner_labels(owner).items()]


def deployment_of(replica: str) -> str:
    """Return the deployment of a replica, `<deployment>-<generation>-<replica>`."""
    return replica.rsplit("-", 2)[0]


def short(owner: Owner) -> str:
    """Return what names of containers and volumes begin with."""
    return f"launchpad-{owner.installation[:_NAME]}"


def container_name(owner: Owner, replica: str, attempt: int) -> str:
    """Return the name that is the identity of an attempt at the engine."""
    return f"{short(owner)}-{replica}-{attempt}"


@dataclass(frozen=True, kw_only=True)
class Values:
    """What looking after a container takes.

    Args:
        began: when its attempt began, seconds since 1970.
        port: where the server listens.
        health: how it is asked.
        grace_seconds: from the stop signal to SIGKILL.
        stop_signal: the image's, e.g. SIGTERM.
        memory_bytes: its limit.
        gpus: the devices that it has.
        secret_env: names of the variables whose values must not be shown.
    """

    began: float
    port: int
    health: HealthCheck
    grace_seconds: float
    stop_signal: str
    memory_bytes: int
    gpus: tuple[str, ...] = ()
    secret_env: tuple[str, ...] = ()


def server_labels(owner: Owner, replica: str, attempt: int, values: Values) -> dict[str, str]:
    """Return the labels of a server's container."""
    return owner_labels(owner) | {
        ROLE: SERVER,
        REPLICA: replica,
        ATTEMPT: str(attempt),
        DEPLOYMENT: deployment_of(replica),
        _VALUES: json.dumps(asdict(values)),
    }


def values_of(labels: Mapping[str, str]) -> Values | None:
    """Return what the labels of a container say, None when they are not ours."""
    try:
        content: dict[str, Any] = json.loads(labels[_VALUES])
        content["health"] = HealthCheck(**content["health"])
        content |= {name: tuple(content[name]) for name in ("gpus", "secret_env")}
        return Values(**content)
    except (KeyError, ValueError, TypeError):
        return None
