"""Identifies processes of this machine by pid and start time. Standard library only, as the shim imports it."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from typing import Any


def start_mark(pid: int) -> str:
    """Return what distinguishes a process from a later one with the same pid, `""` when there is no such process."""
    if (fields := _fields(pid)) is not None:
        return fields[_STARTED].decode()
    if os.path.exists("/proc/self/stat"):
        return ""
    import subprocess  # only where there is no /proc

    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def is_alive(process: list[Any] | None) -> bool:
    """Return whether the process stored as [pid, start mark] is still running (a zombie is not)."""
    if not process:
        return False
    pid, mark = process
    if not mark:
        return False
    if (fields := _fields(pid)) is None:  # no such process, or no /proc
        return not os.path.exists("/proc/self/stat") and start_mark(pid) == mark
    return fields[_STARTED].decode() == mark and fields[_STATE] not in {b"Z", b"X"}


_STATE, _STARTED = 0, 19  # fields 3 and 22 of /proc/PID/stat; the latter in clock ticks


def _fields(pid: int) -> list[bytes] | None:
    """Return the fields of a process after its name, None when there is none, or no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rsplit(b")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
