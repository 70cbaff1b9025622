"""Cuts what comes through the pipes of a child into lines. Standard library only, for the shim's sake."""

from __future__ import annotations

import os
import time

from deployments.runtimes.terminal import newest_state

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from collections.abc import Callable

SHOWN_EVERY = 0.5  # seconds between two looks of readers at a line that has no end yet
MAX_REST = 65536  # bytes; a line without an end must not fill the memory
READS_AT_END = 16  # of 64 kB each: more than a pipe can hold
STATES_KEPT = 3  # of a line with carriage returns: the newest may be empty or half written


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
        self._show_at: float | None = None  # when what is unfinished is shown next
        self._last = ""
        self.open = set(self._names)

    def read(self, fd: int) -> bool:
        """Read what there is; False when the pipe is closed at the other end."""
        chunk = os.read(fd, 65536)
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
        """Show lines that have no end for a while, and their newest state every now and then."""
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
        """Return how long to wait for more at most, so that what is unfinished is shown in time."""
        if self._show_at is None:
            return milliseconds
        return min(milliseconds, max(1, int((self._show_at - time.monotonic()) * 1000) + 1))

    def finish(self) -> str:
        """Keep what is still in the pipes and what has no line end, and return the last line of all."""
        for fd in tuple(self.open):
            self._drain(fd)
        for fd, rest in self._rest.items():
            self._last = self._keep(self._names[fd], [_text(rest)]) or self._last
        if self._shown:
            self._show({})
        return self._last

    def _drain(self, fd: int) -> None:
        """Read what is in a pipe now, and no more: whoever lives on, out of our reach, may write for ever."""
        for _ in range(READS_AT_END):
            try:
                if not self.read(fd):
                    return
            except BlockingIOError:
                return


def _text(line: bytes) -> str:
    return newest_state(line.decode("utf-8", "replace"))
