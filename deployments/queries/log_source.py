"""Reads logs from a runtime inside web requests: with a deadline, and with few threads per connection.

Logs are not in the database, so this is the only call to a runtime in a request; the local runtime reads its files in
a few milliseconds. A runtime that does not respond costs a request LOG_TIMEOUT; once MAX_CONCURRENT_READS of its calls
hang, no further thread is started for it.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from deployments.errors import RuntimeUnavailable
from deployments.models import Connection
from deployments.runtimes.base import LogLine
from deployments.runtimes.registry import runtime_for

LOG_TIMEOUT = 2.0
MAX_CONCURRENT_READS = 4  # per connection; a web process has eight threads

Answer = TypeVar("Answer")


class LogSource:
    """The logs of the deployments of a connection; the calls are those of `runtimes.base.Runtime`."""

    _slots: dict[int, threading.BoundedSemaphore] = defaultdict(
        lambda: threading.BoundedSemaphore(MAX_CONCURRENT_READS)
    )

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def logs(self, deployment_id: str, **query: Any) -> Sequence[LogLine]:
        """Return log lines.

        Raises:
            RuntimeUnavailable: the runtime cannot be called, or does not respond within LOG_TIMEOUT.
            CursorInvalid: the cursor is not from this log.
        """
        runtime = runtime_for(self._connection)
        return self._within(lambda: runtime.logs(deployment_id, **query))

    def unfinished_lines(self, deployment_id: str) -> Sequence[LogLine]:
        """Return the lines without a line end yet.

        Raises:
            RuntimeUnavailable: the runtime cannot be called, or does not respond within LOG_TIMEOUT.
        """
        runtime = runtime_for(self._connection)
        return self._within(lambda: runtime.unfinished_lines(deployment_id))

    def _within(self, call: Callable[[], Answer]) -> Answer:
        slot = self._slots[self._connection.pk]
        if not slot.acquire(timeout=LOG_TIMEOUT):
            raise self._timed_out()
        answers: SimpleQueue[tuple[Answer | None, Exception | None]] = SimpleQueue()

        def work() -> None:
            try:
                answers.put((call(), None))
            except Exception as error:  # noqa: BLE001  raised below, in the thread of the request
                answers.put((None, error))
            finally:
                slot.release()

        threading.Thread(target=work, name=f"logs-{self._connection.pk}", daemon=True).start()
        try:
            answer, error = answers.get(timeout=LOG_TIMEOUT)
        except Empty:
            raise self._timed_out() from None
        if error is not None:
            raise error
        return answer  # type: ignore[return-value]  # without an error there is one

    def _timed_out(self) -> RuntimeUnavailable:
        return RuntimeUnavailable(f"{self._connection.name} has not answered within {LOG_TIMEOUT:g} s.")
