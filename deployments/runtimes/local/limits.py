"""Enforces the resource plan of a server. Standard library only, as the shim imports it.

Memory is limited by a control group where we may create one (version 2 or 1), else by polling. CPU is a weight and not
a limit: a server may use idle cores, so that it starts as fast as without Launchpad. Processes and threads are limited
in their number, so that a fork bomb hurts its own server alone. The preparation of a server is limited likewise,
with at least the memory that installers need. Limits hold for all descendants, in whatever session they are: the shim
becomes the parent of those whose own has ended. Rights are dropped by `confine.py`.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_V2, _V1_MEMORY, _V1_CPU = "/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu"
_V1_PIDS = "/sys/fs/cgroup/pids"
MAX_TASKS = 4096  # processes and threads of a server: few machines of hundreds of cores need more
_NO_CORE = 1  # byte: as 0 for files; of those that are piped to a program, too, none is made (core(5))
PREPARING_BYTES = 2_000_000_000  # memory for the preparation of even a small server: compilers need it
WATCH_SECONDS = 0.5  # between two checks of the memory without a control group
_MAX_ROUNDS = 50  # of killing a control group whose processes start others
_PREPARES = "-prepares"
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Limits:
    """The limits of one attempt, created before its server starts and removed after its end.

    Args:
        spec: of the attempt.
        prepares: the limits are for the preparation, not for the server.
        parent: the process that the orphans among the server's descendants get as their parent, 0 for none.
    """

    def __init__(self, spec: dict[str, Any], *, prepares: bool = False, parent: int = 0) -> None:
        self._parent = parent
        self._memory = max(int(spec["memory_bytes"]), PREPARING_BYTES if prepares else 0)
        self._exceeded = self._tasks_exceeded = False
        self._machine_kills = machine_kills()
        label = _label(spec["name"], spec["attempt"]) + (_PREPARES if prepares else "")
        weight = max(1, int(spec["cpu_millis"]))
        self._groups: list[str] = []
        v2 = {"memory.max": self._memory, "memory.swap.max": 0, "memory.oom.group": 1, "cpu.weight": weight // 10 or 1}
        self._max_tasks = int(spec.get("max_tasks", MAX_TASKS))
        v2["pids.max"] = self._max_tasks
        watch = WATCH_SECONDS
        may_use_groups = spec["control_groups"]
        if may_use_groups and os.path.exists(f"{_V2}/cgroup.controllers"):
            self._make(f"{_V2}/{label}", v2)
            watch = 60.0  # the kernel kills the whole group
        elif may_use_groups and os.path.isdir(_V1_MEMORY):
            watch = 2.0  # the kernel kills one process of the group, the shim the others
            self._make(f"{_V1_MEMORY}/{label}", {"memory.limit_in_bytes": self._memory})
            if self._groups:
                self._make(f"{_V1_CPU}/{label}", {"cpu.shares": max(2, weight * 1024 // 1000)})
                self._make(f"{_V1_PIDS}/{label}", {"pids.max": self._max_tasks})
        self.watch_seconds = watch if self._groups else WATCH_SECONDS

    def _make(self, group: str, values: dict[str, int]) -> None:
        try:
            os.makedirs(group, exist_ok=True)
            if group.startswith(f"{_V2}/launchpad"):
                with open(f"{_V2}/cgroup.controllers", encoding="ascii") as file:
                    more = " +pids" if "pids" in file.read().split() else ""
                for parent in (_V2, f"{_V2}/launchpad"):
                    _put(f"{parent}/cgroup.subtree_control", f"+memory +cpu{more}")
            for name, value in values.items():
                if os.path.exists(f"{group}/{name}"):
                    _put(f"{group}/{name}", str(value))
        except OSError:
            _end(group)  # no permission to create it: the shim polls the memory instead
            return
        self._groups.append(group)

    def enter(self) -> None:
        """Apply the limits to the calling process, the child before its exec."""
        import resource  # in the child alone

        resource.setrlimit(resource.RLIMIT_CORE, (_NO_CORE, _NO_CORE))  # it would hold secrets, and fill the disk
        for group in self._groups:
            _put(f"{group}/cgroup.procs", str(os.getpid()))

    def is_exceeded_by(self, leader: int) -> bool:
        """Return whether the server and its children use more memory than allowed, or did at an earlier check."""
        if not self._groups:
            family = self._family(leader)
            self._exceeded |= _memory_bytes(family, self._memory) > self._memory
            self._tasks_exceeded |= sum(int(fields[17]) for _, fields in family) > self._max_tasks
        return self.was_exceeded() or self._tasks_exceeded

    def was_exceeded(self) -> bool:
        """Return whether the server was killed because it exceeded its memory."""
        return self._exceeded or any(kills_for_limit(group) for group in self._groups)

    def max_tasks_exceeded(self) -> int:
        """Return how many processes and threads were allowed if the server was killed for more, else 0."""
        return self._max_tasks if self._tasks_exceeded else 0

    def machine_ran_out(self) -> bool:
        """Return whether the kernel killed any process for lack of memory since the server started."""
        return machine_kills() > self._machine_kills

    def kill(self, leader: int) -> None:
        """Kill all that the server has started: its process group, its descendants, its control group."""
        _kill(leader, os.killpg)
        for _ in range(_MAX_ROUNDS):
            living = [pid for pid, fields in self._family(leader) if fields[0] != b"Z"]
            if not living:
                break
            for pid in living:
                _kill(pid)
        for group in self._groups:
            _kill_members(group)

    def _family(self, leader: int) -> list[tuple[int, list[bytes]]]:
        return _family({leader, self._parent} - {0}, but=self._parent)

    def leave(self) -> None:
        """Remove the control groups. One with a process that is still exiting is removed by `end_groups` later."""
        for group in self._groups:
            _remove(group)


def end_groups(name: str, attempt: int) -> None:
    """Kill what still runs in the control groups of an attempt and remove them."""
    for base in (_V2, _V1_MEMORY, _V1_CPU, _V1_PIDS):
        for suffix in ("", _PREPARES):
            _end(f"{base}/{_label(name, attempt)}{suffix}")


def _label(name: str, attempt: int) -> str:
    return f"launchpad/{name}-{attempt}"


def _end(group: str) -> None:
    _kill_members(group)
    _remove(group)


def _kill_members(group: str) -> None:
    """Kill the processes of a control group, and those that they start meanwhile."""
    for _ in range(_MAX_ROUNDS):
        try:
            with open(f"{group}/cgroup.procs", encoding="ascii") as file:
                pids = [int(line) for line in file]
        except OSError:
            return  # the group was removed
        if not pids:
            return
        for pid in pids:
            _kill(pid)


def _kill(pid: int, send: Callable[[int, int], None] = os.kill) -> None:
    try:
        send(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # it has ended meanwhile, or belongs to another user


def _put(path: str, value: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(value)


def _remove(group: str) -> None:
    try:
        os.rmdir(group)
    except OSError:
        return  # removed already, or a killed process is still exiting; an empty group costs nothing


def kills_for_limit(group: str) -> int:
    """Return how many processes the kernel has killed because a control group reached its limit.

    Both versions also count kills for lack of memory of the machine, for which the limit is not reached.
    """
    if counts := _counts(f"{group}/memory.events"):
        return counts.get("oom_kill", 0) if counts.get("oom", 0) or counts.get("oom_group_kill", 0) else 0
    counts = _counts(f"{group}/memory.oom_control")
    try:
        with open(f"{group}/memory.failcnt", encoding="ascii") as file:
            met = int(file.read())
    except OSError:
        return 0
    return counts.get("oom_kill", 0) if met else 0


def machine_kills(path: str = "/proc/vmstat") -> int:
    """Return how many processes the kernel killed for lack of memory since boot, 0 where it does not count."""
    return _counts(path).get("oom_kill", 0)


def _counts(path: str) -> dict[str, int]:
    try:
        with open(path, encoding="ascii") as file:
            return {name: int(value) for name, value in (line.split() for line in file)}
    except OSError:
        return {}


def _memory_bytes(family: list[tuple[int, list[bytes]]], limit: int) -> int:
    """Return the memory of processes.

    Shared memory counts once. That is expensive to read, so it is done only if the simple sum exceeds the limit.
    """
    members = [(pid, int(fields[21]) * _PAGE) for pid, fields in family]
    simple = sum(resident for _, resident in members)
    return simple if simple <= limit else sum(_proportional_bytes(pid, resident) for pid, resident in members)


def _proportional_bytes(pid: int, resident: int) -> int:
    """Return the memory of a process with its share of shared memory (PSS), `resident` where that may not be read."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return resident


def _family(roots: set[int], *, but: int) -> list[tuple[int, list[bytes]]]:
    """Return the processes of the sessions and the descendants of `roots`, without one that is not meant (Linux).

    Returns:
        Of each the pid, and the fields of its `stat` from the third on.
    """
    running = dict(_processes())
    children: dict[int, list[int]] = {}
    for pid, fields in running.items():
        children.setdefault(int(fields[1]), []).append(pid)
    found: set[int] = set()
    waiting = [pid for pid, fields in running.items() if pid in roots or int(fields[3]) in roots]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return [(pid, running[pid]) for pid in found - {but}]


def _processes() -> Iterator[tuple[int, list[bytes]]]:
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                yield int(entry), file.read().rsplit(b")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
