"""Whether the kernel has ended a container for memory, where the engine does not say so itself.

Podman says `OOMKilled: false` on control groups of version 1, whatever has happened. The kernel's own log names the
group that it ended a process of, which holds the container's id. It is this machine's, so that helps with its own
engine alone.
"""

from __future__ import annotations

import os
from enum import Enum

_KERNEL_LOG = "/dev/kmsg"
_RECORD = 8192  # bytes of one line at most


class Verdict(Enum):
    """What ended it: the limit of the container, that of the machine, neither; UNKNOWN if nobody can say."""

    LIMIT = "limit"
    MACHINE = "machine"
    NEITHER = "neither"
    UNKNOWN = "unknown"


def verdict_on(container: str) -> Verdict:
    """Return why the kernel has ended a process of a container, given the container's id."""
    try:
        log = os.open(_KERNEL_LOG, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return Verdict.UNKNOWN  # not Linux, or not for us to read
    try:
        while True:
            try:
                line = os.read(log, _RECORD).decode(errors="replace")
            except BlockingIOError:
                return Verdict.NEITHER  # the end
            except BrokenPipeError:
                continue  # older lines were overwritten while we read
            if "oom-kill:" in line and container in _value(line, "task_memcg"):
                return Verdict.LIMIT if container in _value(line, "oom_memcg") else Verdict.MACHINE
    except OSError:
        return Verdict.UNKNOWN
    finally:
        os.close(log)


def _value(line: str, name: str) -> str:
    return line.partition(f"{name}=")[2].partition(",")[0]
