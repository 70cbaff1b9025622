"""The requests to stop that reach the foreground process. Standard library only; see `up.py`."""

from __future__ import annotations

import os
import signal
import time

SECOND_AFTER_SECONDS = 1.0


class Wishes:
    """Notes Ctrl-C, SIGTERM, a closed terminal, and the end of the `make` that has started this process.

    One wish may come several times within milliseconds: a signal to the process group reaches us directly and through
    make. So a second one, which makes it urgent, counts after a second only.
    """

    def __init__(self) -> None:
        self._first: float | None = None
        self._parent = os.getppid()
        self.is_urgent = False
        signal.signal(signal.SIGINT, self._note)
        signal.signal(signal.SIGTERM, self._note)
        survives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as after nohup
        if not survives:
            signal.signal(signal.SIGHUP, self._note)
        # Not of a shell or a service manager, which may hand a process over on purpose.
        self._ends_with_parent = bool(os.environ.get("MAKELEVEL")) and not survives

    @property
    def stop(self) -> bool:
        """Whether there is a wish to stop."""
        if self._first is None and self._ends_with_parent and os.getppid() != self._parent:
            self._first = time.monotonic()
        return self._first is not None

    def _note(self, number: int, _frame: object) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
        elif number != signal.SIGHUP and now - self._first >= SECOND_AFTER_SECONDS:
            self.is_urgent = True
