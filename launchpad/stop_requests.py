"""The requests to stop that reach the foreground process. Standard library only; see `up.py`."""

from __future__ import annotations

import os
import signal
import time

SECOND_REQUEST_AFTER_SECONDS = 1.0


class StopRequests:
    """Notes Ctrl-C, SIGTERM, a closed terminal, and the end of the `make` that has started this process.

    One request may arrive several times within milliseconds: a signal to the process group reaches us directly and
    through make. So a second one, which makes it urgent, counts only when it comes a second or more after the first.
    """

    def __init__(self) -> None:
        self._first: float | None = None
        self._parent = os.getppid()
        self.is_urgent = False
        signal.signal(signal.SIGINT, self._handle_signal)
        signal.signal(signal.SIGTERM, self._handle_signal)
        survives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as after nohup
        if not survives:
            signal.signal(signal.SIGHUP, self._handle_signal)
        # Only under make: a shell or a service manager may end on purpose while this process goes on.
        self._ends_with_parent = bool(os.environ.get("MAKELEVEL")) and not survives

    @property
    def stop(self) -> bool:
        """Whether a stop was requested."""
        if self._first is None and self._ends_with_parent and os.getppid() != self._parent:
            self._first = time.monotonic()
        return self._first is not None

    def _handle_signal(self, number: int, _frame: object) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
        elif number != signal.SIGHUP and now - self._first >= SECOND_REQUEST_AFTER_SECONDS:
            self.is_urgent = True
