"""The capacity of the machine, and the usage of a server."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import time
from functools import cache
from pathlib import Path

import psutil

from deployments.runtimes.base import Resources

logger = logging.getLogger(__name__)

RESERVE = 0.1  # of the machine's memory, for Launchpad and the system
MIN_RESERVE = 1_000_000_000  # bytes
_GROUPS = Path("/sys/fs/cgroup")  # in a container, what the container may have


def capacity(cpu_overcommit: float = 4.0, memory_bytes: int | None = None) -> Resources:
    """Return what replicas may be placed on.

    Args:
        cpu_overcommit: how many times the machine's cores may be placed.
        memory_bytes: memory to place replicas on; None for the machine's, less a reserve.
    """
    total = memory()
    reserve = max(MIN_RESERVE, int(total * RESERVE))
    return Resources(
        cpu_millis=int((os.cpu_count() or 1) * 1000 * cpu_overcommit),
        memory_bytes=memory_bytes or max(total // 2, total - reserve),
        gpus=_gpus(),
    )


def memory(groups: Path = _GROUPS) -> int:
    """Return the machine's memory in bytes, or what a container around us may have of it.

    Args:
        groups: the root of the control groups that we see, of version 2 or 1.
    """
    total = psutil.virtual_memory().total
    for limit in (groups / "memory.max", groups / "memory" / "memory.limit_in_bytes"):
        if limit.is_file() and (text := limit.read_text().strip()).isdigit():  # or `max`
            total = min(total, int(text))
    return total


@cache
def _gpus() -> int:
    if (program := shutil.which("nvidia-smi")) is None:
        return 0
    try:
        answer = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=5, check=False)
    except (subprocess.TimeoutExpired, OSError) as error:
        logger.warning("No GPU can be used, as %s does not answer: %s", program, error)
        return 0
    return sum(line.startswith("GPU ") for line in answer.stdout.splitlines()) if answer.returncode == 0 else 0


def age_of(pid: int) -> float:
    """Return for how many seconds a process has been running, 0 when there is none."""
    try:
        return time.time() - psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


class Usage:
    """Measures CPU time between two calls, so it keeps the previous measurement of each server."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[float, float]] = {}

    def of(self, pid: int) -> tuple[float | None, int | None]:
        """Return CPU (percent of one core, None at the first call) and memory (bytes) of a server and its children."""
        try:
            server = psutil.Process(pid)
            family = [server, *server.children(recursive=True)]
            used = sum(sum(process.cpu_times()[:2]) for process in family)
            memory = sum(process.memory_info().rss for process in family)
        except psutil.Error:
            self._before.pop(pid, None)
            return None, None
        now = time.monotonic()
        at, before = self._before.get(pid, (now, used))
        self._before[pid] = (now, used)
        return (100 * (used - before) / (now - at) if now - at > 0.05 else None), memory
