"""Holds a server to its resource plan. Standard library only, for the shim's sake.

Memory is a ceiling: by a control group where we may make one (version 2 or 1), else by watching. CPU is a weight, not
a ceiling: a server may use what is idle, so that its start is not slower than by hand. Privileges are dropped when we
have any to drop.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from typing import Any

_V2, _V1_MEMORY, _V1_CPU = "/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu"
_PR_SET_PDEATHSIG = 1
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Limits:
    """The limits of one attempt, made before its server starts and removed after its end."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._memory = int(spec["memory_bytes"])
        self._user: list[int] = spec["run_as"]
        self._exceeded = False
        label = f"launchpad/{spec['name']}-{spec['attempt']}"
        weight = max(1, int(spec["cpu_millis"]))
        self._groups: list[str] = []
        v2 = {"memory.max": self._memory, "memory.swap.max": 0, "memory.oom.group": 1, "cpu.weight": weight // 10 or 1}
        if os.path.exists(f"{_V2}/cgroup.controllers"):
            self._make(f"{_V2}/{label}", v2)
        elif os.path.isdir(_V1_MEMORY):
            self._make(f"{_V1_MEMORY}/{label}", {"memory.limit_in_bytes": self._memory})
            if self._groups:
                self._make(f"{_V1_CPU}/{label}", {"cpu.shares": max(2, weight * 1024 // 1000)})
        self.needs_watching = not self._groups

    def _make(self, group: str, values: dict[str, int]) -> None:
        try:
            os.makedirs(group, exist_ok=True)
            if group.startswith(f"{_V2}/launchpad"):
                for parent in (_V2, f"{_V2}/launchpad"):
                    _put(f"{parent}/cgroup.subtree_control", "+memory +cpu")
            for name, value in values.items():
                if os.path.exists(f"{group}/{name}"):
                    _put(f"{group}/{name}", str(value))
        except OSError:
            _remove(group)  # not ours to make: the shim watches the memory instead
            return
        self._groups.append(group)

    def enter(self) -> None:
        """In the server's process, before it becomes the server."""
        for group in self._groups:
            _put(f"{group}/cgroup.procs", str(os.getpid()))
        if self._user:
            uid, gid = self._user
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        if sys.platform == "linux":
            import ctypes  # here, in the child alone: it would cost the shim a megabyte

            # The server must not outlive the shim: without it nobody would hold it to anything.
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def is_exceeded_by(self, leader: int) -> bool:
        """Where there is no control group: whether the server's session uses more memory than it may."""
        if self.needs_watching and _resident_bytes(leader) > self._memory:
            self._exceeded = True
        return self._exceeded

    def was_exceeded(self) -> bool:
        """Whether the server was ended for its memory."""
        return self._exceeded or any(_kills(group) for group in self._groups)

    def leave(self) -> None:
        """Remove what was made. The group is empty by now."""
        for group in self._groups:
            _remove(group)


def _put(path: str, value: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(value)


def _remove(group: str) -> None:
    try:
        os.rmdir(group)
    except OSError:
        return  # not there, or a killed process is still leaving it; an empty group costs nothing


def _kills(group: str) -> int:
    """Return how many processes the kernel has killed for the group's memory."""
    for name in ("memory.events", "memory.oom_control"):
        try:
            with open(f"{group}/{name}", encoding="ascii") as file:
                counts = dict(line.split() for line in file)
        except FileNotFoundError:
            continue
        return int(counts.get("oom_kill", 0))
    return 0


def _resident_bytes(leader: int) -> int:
    """Return the memory of all processes in the leader's session."""
    total = 0
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                fields = file.read().rsplit(b")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        if int(fields[3]) == leader:
            total += int(fields[21]) * _PAGE
    return total
