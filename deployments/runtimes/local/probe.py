"""Asking a server whether it is healthy."""

from __future__ import annotations

import http.client

from deployments.lifecycle import ReplicaPhase

TIMEOUT = 1.0  # seconds


def probe(host: str, port: int, path: str) -> ReplicaPhase:
    """Return STARTING (port closed), LISTENING (no 2xx) or HEALTHY."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.connect()
    except OSError:
        return ReplicaPhase.STARTING
    try:
        connection.request("GET", path, headers={"Connection": "close", "User-Agent": "Launchpad"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return ReplicaPhase.LISTENING
    finally:
        connection.close()
    return ReplicaPhase.HEALTHY if 200 <= status < 300 else ReplicaPhase.LISTENING
