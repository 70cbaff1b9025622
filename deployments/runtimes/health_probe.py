"""The health check of a server, which causes no line in its log."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from deployments import reasons
from deployments.lifecycle import ReplicaPhase
from deployments.messages import Message

TIMEOUT = 1.0  # seconds, in total: a server that answers byte by byte must not delay a reconcile
END_TIMEOUT = 0.2  # seconds to wait for the end of an answer of unknown length
_MAX_HEAD = 65536  # bytes
_MAX_ANSWER = 1 << 20  # bytes; a health path that sends more is cut off
_STATUS_LINE = re.compile(rb"^HTTP/1\.[01] (\d{3})\b")
_LENGTH = re.compile(rb"\r?\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r?\ntransfer-encoding:[^\n]*\bchunked\b", re.IGNORECASE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, kw_only=True)
class Health:
    """The result of a health check.

    Args:
        phase: STARTING (port closed), LISTENING (no 2xx) or HEALTHY.
        detail: what was observed of a server that listens and is not healthy, e.g. HealthAnswered with status 401.
    """

    phase: ReplicaPhase
    detail: Message | None = None


def probe(
    host: str, port: int, path: str, *, headers: Mapping[str, str] | None = None, timeout: float = TIMEOUT
) -> Health:
    """Check the health of a server with a GET request.

    The whole response is read: closing a socket with unread data resets the connection, which many servers log as an
    error.

    Args:
        headers: what is sent instead of, or beside, ours.
        timeout: seconds, in total.
    """
    end = time.monotonic() + timeout
    try:
        connection = socket.create_connection((host, port), timeout=timeout)
    except OSError:
        return Health(phase=ReplicaPhase.STARTING)
    sent = {"host": f"{host}:{port}", "user-agent": "Launchpad"}
    sent |= {name.lower(): value for name, value in (headers or {}).items()} | {"connection": "close"}
    lines = "".join(f"{name.title()}: {' '.join(value.split())}\r\n" for name, value in sent.items())
    request = f"GET {path} HTTP/1.1\r\n{lines}\r\n"
    answer = b""
    with connection:
        try:
            connection.sendall(request.encode())
            answer = _read(connection, end)
            connection.shutdown(socket.SHUT_WR)
        except OSError as error:
            if not answer:
                return Health(
                    phase=ReplicaPhase.LISTENING,
                    detail=reasons.HEALTH_BROKEN_OFF(path=path, error=error.strerror or str(error)),
                )
    return _health(path, answer, timeout)


def _health(path: str, answer: bytes, timeout: float) -> Health:
    if not answer:
        return Health(phase=ReplicaPhase.LISTENING, detail=reasons.HEALTH_TIMED_OUT(path=path, limit_seconds=timeout))
    if (status := _STATUS_LINE.match(answer)) is None:
        return Health(phase=ReplicaPhase.LISTENING, detail=reasons.HEALTH_NOT_HTTP(path=path))
    if status[1].startswith(b"2"):
        return Health(phase=ReplicaPhase.HEALTHY)
    return Health(phase=ReplicaPhase.LISTENING, detail=reasons.HEALTH_ANSWERED(path=path, status=int(status[1])))


def _read(connection: socket.socket, end: float) -> bytes:
    """Return the beginning of the response, after reading all of it or as much as the timeout allows."""
    answer = b""
    received = 0
    with suppress(OSError):  # a timeout, or a closed connection: the part that was received counts
        while received < _MAX_ANSWER and (left := end - time.monotonic()) > 0:
            length = _length(answer)
            if length is not None and received >= length:
                break
            connection.settimeout(min(left, END_TIMEOUT) if length is None and _HEAD_END.search(answer) else left)
            if not (chunk := connection.recv(65536)):
                break
            received += len(chunk)
            answer = answer + chunk if len(answer) < _MAX_HEAD else answer[:_MAX_HEAD] + chunk[-5:]
    return answer


def _length(answer: bytes) -> int | None:
    """Return the length of a response in bytes, None while it is not known or if it ends with the connection."""
    if (head_end := _HEAD_END.search(answer)) is None:
        return None
    head = answer[: head_end.end()]
    if length := _LENGTH.search(head):
        return len(head) + int(length[1])
    if _CHUNKED.search(head):
        return len(answer) if answer.endswith(b"0\r\n\r\n") else _MAX_ANSWER
    return None
