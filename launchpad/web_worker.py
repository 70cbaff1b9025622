"""The gunicorn worker class: its main thread never waits for a client."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

LINGER_SECONDS = 2.0  # as long as gunicorn waits for a client to close


class Worker(ThreadWorker):  # type: ignore[misc]
    """A `gthread` worker that waits in the request's thread for a client to close.

    After an answer that leaves a part of the request unread gunicorn waits, so that a reset does not overtake the
    answer. It does that in the thread that accepts connections: uploads that are refused and do not go on held up
    every page, for two seconds each.
    """

    def handle(self, conn: Any) -> Any:
        """Handle a request; return what keeps the connection open, else leave nothing to wait for."""
        connection = super().handle(conn)
        if not connection:
            _wait_for_end(conn.sock)
        return connection


def _wait_for_end(connection: socket.socket) -> None:
    """Shut down the sending side, and read until the client has closed or LINGER_SECONDS are over."""
    end = time.monotonic() + LINGER_SECONDS
    with suppress(OSError):  # the client has gone, or the time is over
        connection.shutdown(socket.SHUT_WR)
        while (left := end - time.monotonic()) > 0:
            connection.settimeout(left)
            if not connection.recv(65536):
                break
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RD)  # whoever reads now is at the end at once
