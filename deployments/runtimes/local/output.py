"""Splits the output of a child process into lines. Standard library only, as the shim imports it."""

from __future__ import annotations

import os
import time

from deployments.runtimes.terminal import newest_state

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from collections.abc import Callable

SHOWN_EVERY = 0.5  # seconds between two updates of a line that has no end yet
MAX_REST = 65536  # bytes kept of a line without an end, to limit the memory
READS_AT_END = 16  # of 64 kB each: more than the buffer of a pipe
RATE, BURST = 1_000_000, 2_000_000  # bytes of output that are read each second, and at once; 1 MB takes 0.2 s of CPU
STATES_KEPT = 3  # of a line with carriage returns: the newest may be empty or half written


class Pace:
    """Limits how much is read of a server that writes without end: its pipe is full then, and it waits.

    Args:
        now: seconds of the monotonic clock.
    """

    def __init__(self, now: float) -> None:
        self._left = float(BURST)
        self._at = now

    def take(self, size: int, now: float) -> None:
        """Note that so many bytes were read."""
        self._left = min(BURST, self._left + (now - self._at) * RATE) - size
        self._at = now

    def pause(self, now: float) -> float:
        """Return for how many seconds nothing should be read, 0 when it may be."""
        return max(0.0, self._at - self._left / RATE - now) if self._left < 0 else 0.0


class Output:
    """The pipes of one child.

    Args:
        streams: name -> the end to read from.
        keep: takes the lines of a stream that are complete, returns the last one that it kept.
        show: takes stream -> line for all lines that have no end yet.
    """

    def __init__(
        self,
        streams: dict[str, int],
        *,
        keep: Callable[[str, list[str]], str],
        show: Callable[[dict[str, str]], None],
    ) -> None:
        self._names = {fd: name for name, fd in streams.items()}
        self._rest = dict.fromkeys(self._names, b"")
        self._keep = keep
        self._show = show
        self._shown: dict[int, bytes] = {}
        self._show_at: float | None = None  # when unfinished lines are shown next
        self._last = ""
        self._pace = Pace(time.monotonic())
        self.open = set(self._names)

    def read(self, fd: int) -> bool:
        """Read available output; return False once the other end of the pipe is closed."""
        chunk = os.read(fd, 65536)
        self._pace.take(len(chunk), time.monotonic())
        *lines, rest = (self._rest[fd] + chunk).split(b"\n")
        if b"\r" in rest:
            rest = b"\r".join(rest.rsplit(b"\r", STATES_KEPT)[-STATES_KEPT:])
        if len(rest) > MAX_REST:
            lines, rest = [*lines, rest], b""
        self._rest[fd] = rest
        self._last = self._keep(self._names[fd], [_text(line) for line in lines]) or self._last
        if not chunk:
            self.open.discard(fd)
        return bool(chunk)

    def show_unfinished(self) -> None:
        """Show lines that had no end for SHOWN_EVERY, and their newest state at that interval."""
        rests = {fd: rest for fd, rest in self._rest.items() if rest}
        if rests == self._shown:
            self._show_at = None
            return
        now = time.monotonic()
        if self._show_at is None and rests:
            self._show_at = now + SHOWN_EVERY
        if not rests or (self._show_at is not None and now >= self._show_at):
            self._show({self._names[fd]: _text(rest) for fd, rest in rests.items()})
            self._shown, self._show_at = rests, None

    def patience(self, milliseconds: int) -> int:
        """Return how long to wait for output at most, so that unfinished lines are shown in time."""
        if self._show_at is None:
            return milliseconds
        return min(milliseconds, max(1, int((self._show_at - time.monotonic()) * 1000) + 1))

    def pause(self) -> int:
        """Return for how many milliseconds nothing should be read, 0 when it may be."""
        seconds = self._pace.pause(time.monotonic())
        return int(seconds * 1000) + 1 if seconds else 0

    def finish(self) -> str:
        """Keep what is left in the pipes, and lines without an end; return the last line."""
        for fd in tuple(self.open):
            self._drain(fd)
        for fd, rest in self._rest.items():
            self._last = self._keep(self._names[fd], [_text(rest)]) or self._last
        if self._shown:
            self._show({})
        return self._last

    def _drain(self, fd: int) -> None:
        """Read what is in a pipe now and no more: a process that escaped may write to it indefinitely."""
        for _ in range(READS_AT_END):
            try:
                if not self.read(fd):
                    return
            except BlockingIOError:
                return


def _text(line: bytes) -> str:
    return newest_state(line.decode("utf-8", "replace"))
