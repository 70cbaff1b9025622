"""Resolves host names of servers. The gateway gets only addresses, so that it never waits for a name server.

A name is resolved in the threads of its own connection, so that a missing answer does not delay other connections.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NoAnswer
from dataclasses import asdict
from typing import Any

from deployments.runtimes.endpoint import Endpoint, is_address

logger = logging.getLogger(__name__)

RESOLVE_TIMEOUT = 2.0  # for one name; the system's resolver may take a minute, and cannot be told to give up
_resolvers = ThreadPoolExecutor(8, thread_name_prefix="resolve")


def routing_values(endpoint: Endpoint | None, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a replica's row: `endpoint`, and the `host` and `port` that the gateway sends to.

    Args:
        before: their previous values. While a name cannot be resolved, its previous address is kept.

    An endpoint that cannot be used has no address: the gateway lists the replica and sends it nothing.
    """
    if endpoint is None:
        return {"endpoint": None, "host": "", "port": 0}
    stored = asdict(endpoint)
    if endpoint.problem:
        return {"endpoint": stored, "host": "", "port": 0}
    if is_address(endpoint.host):
        return {"endpoint": stored, "host": endpoint.host, "port": endpoint.port}
    if address := resolved(endpoint.host):
        return {"endpoint": stored, "host": address, "port": endpoint.port}
    same = before["endpoint"] is not None and before["endpoint"]["host"] == endpoint.host and before["port"]
    return {"endpoint": stored, "host": before["host"] if same else "", "port": endpoint.port if same else 0}


def resolved(name: str) -> str:
    """Return the first address of a name, `""` when it has none or the resolver does not answer in time."""
    try:
        addresses = _resolvers.submit(socket.getaddrinfo, name, None, type=socket.SOCK_STREAM).result(RESOLVE_TIMEOUT)
    except (OSError, UnicodeError, NoAnswer) as error:
        logger.warning("The address of %s is not known: %s", name, error or "no answer")
        return ""
    return str(addresses[0][4][0])
