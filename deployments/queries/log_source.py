"""The one thing that requests read from a runtime: logs, within a deadline, and by few threads of one connection.

They are read where they lie, as nobody writes them into the database: of the local runtime from its files, in a few
milliseconds. A runtime that does not answer costs a request LOG_SECONDS, and the next ones nothing once READS_AT_ONCE
of its calls hang.
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

LOG_SECONDS = 2.0
READS_AT_ONCE = 4  # of one connection, of the eight threads of a web process

Answer = TypeVar("Answer")


class LogSource:
    """The logs of the deployments of a connection; the calls are those of `runtimes.base.Runtime`."""

    _slots: dict[int, threading.BoundedSemaphore] = defaultdict(lambda: threading.BoundedSemaphore(READS_AT_ONCE))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def logs(self, deployment_id: str, **query: Any) -> Sequence[LogLine]:
        """Return log lines.

        Raises:
            RuntimeUnavailable: the runtime cannot be asked, or does not answer within LOG_SECONDS.
            CursorInvalid: the cursor is none of its.
        """
        runtime = runtime_for(self._connection)
        return self._within(lambda: runtime.logs(deployment_id, **query))

    def unfinished_lines(self, deployment_id: str) -> Sequence[LogLine]:
        """Return the lines that have no end yet.

        Raises:
            RuntimeUnavailable: the runtime cannot be asked, or does not answer within LOG_SECONDS.
        """
        runtime = runtime_for(self._connection)
        return self._within(lambda: runtime.unfinished_lines(deployment_id))

    def _within(self, call: Callable[[], Answer]) -> Answer:
        slot = self._slots[self._connection.pk]
        if not slot.acquire(timeout=LOG_SECONDS):
            raise self._silent()
        answers: SimpleQueue[tuple[Answer | None, Exception | None]] = SimpleQueue()

        def work() -> None:
            try:
                answers.put((call(), None))
            except Exception as error:  # noqa: BLE001  it is raised below
                answers.put((None, error))
            finally:
                slot.release()

        threading.Thread(target=work, name=f"logs-{self._connection.pk}", daemon=True).start()
        try:
            answer, error = answers.get(timeout=LOG_SECONDS)
        except Empty:
            raise self._silent() from None
        if error is not None:
            raise error
        return answer  # type: ignore[return-value]  # without an error there is one

    def _silent(self) -> RuntimeUnavailable:
        return RuntimeUnavailable(f"{self._connection.name} has not answered within {LOG_SECONDS:g} s.")
