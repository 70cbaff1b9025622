"""What servers use, measured while somebody looks at it.

The broker keeps it for a while: in the database each measurement would be a commit, and measuring what nobody looks at
would cost more than all else that an idle installation does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from deployments import broker
from deployments.runtimes.base import ReplicaStatus

LOOKED_AT_SECONDS = 15.0  # after the last time that a page asked; it asks every five
KEPT_SECONDS = 600
MAX_MEASURED = 20  # deployments in one look, those asked for last


@dataclass(frozen=True, kw_only=True)
class ReplicaUsage:
    """What one replica uses.

    Args:
        cpu_percent: CPU in percent of one core, None at the first look at it.
        memory_bytes: memory in bytes, None when it cannot be measured.
    """

    cpu_percent: float | None
    memory_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What the replicas of a deployment used at a time, by their names."""

    at: datetime
    replicas: Mapping[str, ReplicaUsage]


def ask_for(connection_id: int, deployment_id: str) -> Measurement | None:
    """Have a deployment measured by the next looks at its connection, and return the last measurement.

    Returns:
        None when there is none yet, or the broker does not answer.
    """
    key = _asked_key(connection_id)
    try:
        with broker.store() as store, store.pipeline(transaction=False) as pipe:
            pipe.zadd(key, {deployment_id: time.time()})
            pipe.expire(key, KEPT_SECONDS)
            pipe.get(_usage_key(deployment_id))
            kept = pipe.execute()[-1]
    except broker.BrokerUnavailable:
        return None
    return _from_json(kept) if kept else None


def asked_for(connection_id: int) -> Sequence[str]:
    """Return the ids of the deployments of a connection that somebody looks at now, none while the broker is away."""
    now = time.time()
    try:
        with broker.store() as store:  # a time in the future is from before the clock was set back
            asked = store.zrevrangebyscore(_asked_key(connection_id), now + 1, now - LOOKED_AT_SECONDS)
    except broker.BrokerUnavailable:
        return []
    return [bytes(pk).decode() for pk in asked][:MAX_MEASURED]  # type: ignore[arg-type]  # no scores are asked for


def keep(deployment_id: str, replicas: Iterable[ReplicaStatus]) -> None:
    """Keep what was measured, unless the broker is away."""
    content = {
        "at": time.time(),
        "replicas": {replica.name: [replica.cpu_percent, replica.memory_bytes] for replica in replicas},
    }
    try:
        with broker.store() as store:
            store.set(_usage_key(deployment_id), json.dumps(content), ex=KEPT_SECONDS)
    except broker.BrokerUnavailable:
        return


def _from_json(kept: bytes) -> Measurement:
    content = json.loads(kept)
    return Measurement(
        at=datetime.fromtimestamp(content["at"], UTC),
        replicas={
            name: ReplicaUsage(cpu_percent=cpu, memory_bytes=memory)
            for name, (cpu, memory) in content["replicas"].items()
        },
    )


def _asked_key(connection_id: int) -> str:
    return f"launchpad:looked-at:{connection_id}"


def _usage_key(deployment_id: str) -> str:
    return f"launchpad:usage:{deployment_id}"
