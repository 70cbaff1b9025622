"""Runs supervisord so that it survives a full disk and reacts at once; started by `up.py`.

By itself it ends when both its log and its stderr are on a full disk, and it takes up to a second to notice that
a program has ended.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions
from supervisor.supervisord import Supervisor


class _TolerantStream:
    """A stream that ignores failed writes: there is no other place to report them."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return int(self._stream.write(text))
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _SignalWakeup:
    """Ends the supervisor's wait at every signal: an event source of its asyncore loop."""

    def __init__(self) -> None:
        self.fd, wake = os.pipe()
        for end in (self.fd, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        os.write(wake, b"\0")  # the first check of the programs does not wait either

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        os.read(self.fd, 4096)

    def handle_error(self) -> None:
        return


class _PromptSupervisor(Supervisor):  # type: ignore[misc]
    def runforever(self) -> None:
        wakeup = _SignalWakeup()
        asyncore.socket_map[wakeup.fd] = wakeup
        super().runforever()


def main() -> None:
    sys.stderr = _TolerantStream(sys.stderr)
    options = ServerOptions()
    options.realize(sys.argv[1:], doc=__doc__)
    options.first, options.test = True, False
    try:
        _PromptSupervisor(options).main()
    except asyncore.ExitNow:
        return  # the programs have ended


if __name__ == "__main__":
    main()
