"""Runs supervisord so that neither a full disk nor its own pace is in the way; started by `up.py`.

Left alone it ends when both its log and its stderr lie on a disk that is full, and it takes up to a second to see that
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


class _Lenient:
    """A stream whose failed writes are of no consequence: there is nobody left to tell."""

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


class _Alarm:
    """Ends the supervisor's wait at every signal, in the shape that its loop wants its sources in."""

    def __init__(self) -> None:
        self.fd, wake = os.pipe()
        for end in (self.fd, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        os.write(wake, b"\0")  # its first look at the programs comes at once, too

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        os.read(self.fd, 4096)

    def handle_error(self) -> None:
        return


class _Prompt(Supervisor):  # type: ignore[misc]
    def runforever(self) -> None:
        alarm = _Alarm()
        asyncore.socket_map[alarm.fd] = alarm
        super().runforever()


def main() -> None:
    sys.stderr = _Lenient(sys.stderr)
    options = ServerOptions()
    options.realize(sys.argv[1:], doc=__doc__)
    options.first, options.test = True, False
    try:
        _Prompt(options).main()
    except asyncore.ExitNow:
        return  # the programs have ended


if __name__ == "__main__":
    main()
