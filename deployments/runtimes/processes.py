"""Identifies processes of this machine by pid and start time. Standard library only, as the shim imports it."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from typing import Any


def start_mark(pid: int) -> str:
    """Return what distinguishes a process from a later one with the same pid, `""` when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rsplit(b")", 1)[1].split()[19].decode()  # field 22: start time in clock ticks
    except (FileNotFoundError, ProcessLookupError):
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
    if not mark or start_mark(pid) != mark:
        return False
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rsplit(b")", 1)[1].split()[0] not in {b"Z", b"X"}
    except FileNotFoundError:
        return not os.path.exists("/proc/self/stat")
