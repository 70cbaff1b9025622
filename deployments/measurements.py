"""The measured usage of servers, only while a page shows it.

It is stored in the broker for a while: in the database each measurement would be a commit, and measuring without need
would cost more than everything else that an idle installation does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from deployments import broker
from deployments.runtimes.base import ReplicaStatus

REQUEST_LIFETIME = 15.0  # seconds that a request to measure stays valid; pages repeat it every five
EXPIRY_SECONDS = 600
MAX_MEASURED = 20  # deployments per sweep, the last requested ones


@dataclass(frozen=True, kw_only=True)
class ReplicaUsage:
    """The usage of one replica.

    Args:
        cpu_percent: CPU in percent of one core, None at the first measurement.
        memory_bytes: memory in bytes, None when it cannot be measured.
    """

    cpu_percent: float | None
    memory_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The usage of the replicas of a deployment at a time, by their names."""

    at: datetime
    replicas: Mapping[str, ReplicaUsage]


def request_measurement(connection_id: int, deployment_id: str) -> Measurement | None:
    """Request measurements of a deployment by the next sweeps, and return the last one.

    Returns:
        None when there is none yet, or the broker does not respond.
    """
    key = _asked_key(connection_id)
    try:
        with broker.store() as store, store.pipeline(transaction=False) as pipe:
            pipe.zadd(key, {deployment_id: time.time()})
            pipe.expire(key, EXPIRY_SECONDS)
            pipe.get(_usage_key(deployment_id))
            stored = pipe.execute()[-1]
    except broker.BrokerUnavailable:
        return None
    return _from_json(stored) if stored else None


def requested_ids(connection_id: int) -> Sequence[str]:
    """Return the ids of a connection's deployments that are to be measured; none while the broker is unavailable."""
    now = time.time()
    try:
        with broker.store() as store:  # a time in the future is from before the clock was set back
            ids = store.zrevrangebyscore(_asked_key(connection_id), now + 1, now - REQUEST_LIFETIME)
    except broker.BrokerUnavailable:
        return []
    return [bytes(pk).decode() for pk in ids][:MAX_MEASURED]  # type: ignore[arg-type]  # without scores


def store_measurement(deployment_id: str, replicas: Iterable[ReplicaStatus]) -> None:
    """Store a measurement, unless the broker is unavailable."""
    content = {
        "at": time.time(),
        "replicas": {replica.name: [replica.cpu_percent, replica.memory_bytes] for replica in replicas},
    }
    try:
        with broker.store() as store:
            store.set(_usage_key(deployment_id), json.dumps(content), ex=EXPIRY_SECONDS)
    except broker.BrokerUnavailable:
        return


def _from_json(stored: bytes) -> Measurement:
    content = json.loads(stored)
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
