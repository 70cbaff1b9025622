"""Chooses the port of a replica: unused, and below the range of outgoing connections."""

from __future__ import annotations

import fcntl
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments.errors import RuntimeUnavailable
from deployments.messages import Message
from deployments.runtimes.local import messages
from deployments.runtimes.local.attempt_files import read_json
from deployments.runtimes.local.reading import HOST, attempts, replica_dirs

FIRST, LAST = 20_000, 32_767


@contextmanager
def choose_port(replicas: Path, replica: Path, attempt: int) -> Iterator[int]:
    """Yield a free port under a lock, until spec.json is written; if possible that of the previous attempt.

    Raises:
        RuntimeUnavailable: no port is free.
    """
    with replicas.with_name("ports.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        taken_ports = _taken(replicas, but=replica.name)
        before = read_json(str(replica / f"attempt-{attempt - 1}" / "spec.json"))
        first_choice = [int(before["port"])] if before else []
        others = random.sample(range(FIRST, LAST + 1), k=LAST + 1 - FIRST)
        free = (port for port in (*first_choice, *others) if port not in taken_ports and _is_free(port))
        if (port := next(free, None)) is None:
            raise RuntimeUnavailable(Message(messages.PORTS_TAKEN, {"first": FIRST, "last": LAST}))
        yield port


def _taken(replicas: Path, *, but: str) -> set[int]:
    """Return the ports in spec.json of other replicas whose attempts have not exited."""
    ports = set()
    for replica in replica_dirs(replicas):
        for _, folder in attempts(replica) if replica.name != but else ():
            state = read_json(str(folder / "state.json"))
            spec = read_json(str(folder / "spec.json"))
            if spec is not None and (state is None or "exit" not in state):
                ports.add(int(spec["port"]))
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
