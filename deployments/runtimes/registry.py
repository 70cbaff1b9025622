"""The kinds of runtimes, and the opened runtime of each connection."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from threading import Lock
from typing import Any, Protocol

from django.utils.translation import gettext_lazy

from deployments import reasons
from deployments.errors import RuntimeUnavailable
from deployments.messages import declare
from deployments.runtimes import messages
from deployments.runtimes.base import Owner, Runtime
from deployments.runtimes.kind import Driver

# One line a kind: the module, and the name of the driver in it where that is not `DRIVER`.
_MODULES: Mapping[str, str] = {
    "local": "deployments.runtimes.local.kind",
    "containers": "deployments.runtimes.containers.kind",
    "fake": "deployments.runtimes.fake.kind",
    "fake-cluster": "deployments.runtimes.fake.kind:CLUSTER",
}


class ConnectionRow(Protocol):
    """What the registry reads of the row of a connection."""

    pk: Any
    kind: str
    options: Any
    encrypted: str

    def owner(self) -> Owner:
        """Return what its replicas carry."""

    def secrets(self) -> Mapping[str, str]:
        """Return its secrets in clear."""


def kinds() -> Sequence[tuple[str, str]]:
    """Return kind and label of the runtimes that a connection may be made for."""
    return [(driver.kind, str(driver.label)) for driver in drivers() if not driver.is_for_tests]


def drivers() -> Iterator[Driver]:
    """Yield all kinds of runtimes."""
    return map(driver_of, _MODULES)


@cache
def driver_of(kind: str) -> Driver:
    """Return the description of a kind of runtime.

    Raises:
        RuntimeUnavailable: this version of Launchpad does not have it.
    """
    if kind not in _MODULES:
        raise RuntimeUnavailable(reasons.CONNECTION_KIND_UNKNOWN(kind=kind))
    module, _, name = _MODULES[kind].partition(":")
    driver: Driver = getattr(import_module(module), name or "DRIVER")
    return driver


def declare_reasons() -> None:
    """Put the reasons that runtimes bring into the table of messages."""
    for table in (messages.SENTENCES, *(driver.sentences for driver in drivers())):
        for code, sentences in table.items():
            declare(code, *(gettext_lazy(sentence) for sentence in sentences))


def runtime_for(connection: ConnectionRow) -> Runtime:
    """Return the runtime of a connection: the same object until its row changes, so that it can keep measurements.

    Raises:
        RuntimeUnavailable: it cannot be opened with the values of the row.
    """
    return _OPEN.runtime_of(connection)


def close_all() -> None:
    """Discard all opened runtimes, so that they are opened with changed settings."""
    _OPEN.clear()


class _Open:
    """The runtimes that this process has opened, by the ids of their connections."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._runtimes: dict[Any, tuple[tuple[str, ...], Runtime]] = {}

    def runtime_of(self, connection: ConnectionRow) -> Runtime:
        opened_with = (connection.kind, json.dumps(connection.options, sort_keys=True), connection.encrypted)
        with self._lock:
            opened = self._runtimes.get(connection.pk)
            if opened is None or opened[0] != opened_with:
                driver = driver_of(connection.kind)
                opened = opened_with, driver.open(connection.owner(), connection.options or {}, connection.secrets())
                self._runtimes[connection.pk] = opened
            return opened[1]

    def clear(self) -> None:
        with self._lock:
            self._runtimes.clear()


_OPEN = _Open()
