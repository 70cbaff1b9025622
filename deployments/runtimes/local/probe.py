"""Asking a server whether it is healthy."""

from __future__ import annotations

import re
import socket
import time

from deployments.lifecycle import ReplicaPhase

TIMEOUT = 1.0  # seconds, for all of it: a server that answers a byte at a time must not hold up a pass
_LONGEST = 8192  # bytes of an answer that are looked at
_STATUS_LINE = re.compile(rb"^HTTP/1\.[01] 2\d\d\b[^\n]*\n")


def probe(host: str, port: int, path: str) -> ReplicaPhase:
    """Return STARTING (port closed), LISTENING (no 2xx) or HEALTHY."""
    end = time.monotonic() + TIMEOUT
    try:
        connection = socket.create_connection((host, port), timeout=TIMEOUT)
    except OSError:
        return ReplicaPhase.STARTING
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: Launchpad\r\nConnection: close\r\n\r\n"
    answer = b""
    with connection:
        try:
            connection.sendall(request.encode())
            while b"\n" not in answer and len(answer) < _LONGEST and (left := end - time.monotonic()) > 0:
                connection.settimeout(left)
                if not (chunk := connection.recv(_LONGEST)):
                    break
                answer += chunk
        except OSError:
            return ReplicaPhase.LISTENING
    return ReplicaPhase.HEALTHY if _STATUS_LINE.match(answer) else ReplicaPhase.LISTENING
