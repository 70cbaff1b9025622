"""Threads per connection: a connection that hangs delays its own deployments, and no others.

Whatever asks a runtime runs here and never in a thread of the Celery worker. A connection is observed by one thread,
so that observations never run at the same time, and its deployments are reconciled by a few more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import close_old_connections, connections

logger = logging.getLogger(__name__)

RECONCILES_AT_ONCE = 8  # for each connection
INQUIRIES_AT_ONCE = 16  # some of which may hang
IDLE_SECONDS = 60.0  # after which an idle thread ends, with its database connection
CLOSE_SECONDS = 5.0  # how long a stopping worker waits for running work


class Lane:
    """Runs work in order, at most `limit` at the same time; threads are started on demand.

    The threads are daemons: one that hangs must not keep a worker from ending.
    """

    def __init__(self, name: str, *, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._waiting: dict[str, Callable[[], object]] = {}
        self._began: dict[int, float] = {}  # thread -> start time of its current work
        self._idle = 0
        self._threads = 0
        self._is_closed = False
        self._changed = threading.Condition()

    def submit(self, key: str, work: Callable[[], object]) -> None:
        """Enqueue work; ignored while work with the same key is waiting."""
        with self._changed:
            if self._is_closed or key in self._waiting:
                return
            self._waiting[key] = work
            if self._idle < len(self._waiting) and self._threads < self._limit:
                self._threads += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
            self._changed.notify()

    def busy_for(self) -> float:
        """Return for how many seconds the oldest work has been running, 0 when there is none."""
        with self._changed:
            return time.monotonic() - min(self._began.values()) if self._began else 0.0

    def close(self, timeout: float) -> None:
        """Start no further work, and wait for running work."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._began, timeout)

    def _run(self) -> None:
        try:
            while (work := self._next()) is not None:
                self._do(work)
        finally:
            connections.close_all()

    def _next(self) -> Callable[[], object] | None:
        """Wait for work; None when there was none for IDLE_SECONDS."""
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._waiting or self._is_closed, IDLE_SECONDS)
            self._idle -= 1
            if not self._waiting:
                self._threads -= 1
                return None
            work = self._waiting.pop(next(iter(self._waiting)))
            self._began[threading.get_ident()] = time.monotonic()
            return work

    def _do(self, work: Callable[[], object]) -> None:
        close_old_connections()
        try:
            work()
        except Exception:  # as Celery does: a thread survives failing work
            logger.exception("Work on a connection has failed.")
        finally:
            close_old_connections()
            with self._changed:
                del self._began[threading.get_ident()]
                self._changed.notify_all()


class ConnectionLanes:
    """The lanes of one connection: `observe` for its observation by the sweep, `work` for everything else."""

    def __init__(self, connection_id: int) -> None:
        self.observe = Lane(f"observe-{connection_id}", limit=1)
        self.work = Lane(f"connection-{connection_id}", limit=RECONCILES_AT_ONCE)


_lanes: dict[int, ConnectionLanes] = {}
_inquiries: list[Lane] = []  # at most one
_lock = threading.Lock()


def lanes_of(connection_id: int) -> ConnectionLanes:
    """Return the lanes of a connection, the same ones each time."""
    with _lock:
        if connection_id not in _lanes:
            _lanes[connection_id] = ConnectionLanes(connection_id)
        return _lanes[connection_id]


def inquiry_lane() -> Lane:
    """Return the lane for questions of pages and looks for offers, which no deployment waits for."""
    with _lock:
        if not _inquiries:
            _inquiries.append(Lane("inquiries", limit=INQUIRIES_AT_ONCE))
        return _inquiries[0]


def close_all() -> None:
    """Stop all work on connections when the worker stops; the next sweep resumes interrupted work."""
    with _lock:
        lanes = [lane for each in _lanes.values() for lane in (each.observe, each.work)] + _inquiries
        until = time.monotonic() + CLOSE_SECONDS
        _lanes.clear()
        _inquiries.clear()
    for lane in lanes:
        lane.close(max(0.0, until - time.monotonic()))
