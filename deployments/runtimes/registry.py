"""From a connection's row to the runtime that it stands for."""

from functools import cache
from pathlib import Path
from typing import Protocol

from django.conf import settings

from deployments.runtimes.base import Runtime
from deployments.runtimes.local import LocalRuntime

LOCAL = "local"


class ConnectionRow(Protocol):
    """What the registry needs to know of a connection, as its row in the database has it."""

    runtime: str


def runtime_for(connection: ConnectionRow) -> Runtime:
    """Return the runtime of a connection; the same object each time, so that it may keep what it has measured."""
    return _runtime(connection.runtime)


@cache
def _runtime(kind: str) -> Runtime:
    if kind == LOCAL:
        return local_runtime()
    raise ValueError(f"There is no runtime of the kind {kind!r}.")


@cache
def local_runtime() -> LocalRuntime:
    """Return the runtime of this machine as the settings describe it."""
    home = Path(settings.LAUNCHPAD_HOME)
    memory = int(settings.LAUNCHPAD_MEMORY_GB * 1_000_000_000)
    return LocalRuntime(
        home=home,
        cpu_overcommit=settings.LAUNCHPAD_CPU_OVERCOMMIT,
        memory_bytes=memory or None,
        run_as=settings.LAUNCHPAD_RUN_AS,
        allowed_roots=(home / "artifacts", *settings.LAUNCHPAD_FILE_ROOTS),
    )
