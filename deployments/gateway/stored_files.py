"""The files that HAProxy starts with: `table.json` (the table as last applied), and `haproxy.cfg` and maps made of it.

The desired content is compared with the content of these files, not with a digest in one of them: a file that a crash
or a person has damaged is written again at every start, and whenever HAProxy is found ended or restarted. A file that
cannot be read is treated as missing.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from threading import Lock
from typing import Any

from deployments.errors import GatewayRejected
from deployments.gateway.endpoint import GatewayAddress
from deployments.gateway.haproxy.config import STATE, STATE_KEY, GatewayConfig, Rendered, map_text, render
from deployments.gateway.routing_table import Backend, RoutingTable, Server, Upstream
from deployments.serving_template import HealthCheck, Retry
from deployments.storage.files import holds, version_of, write, write_if_changed

_TABLE, _CONFIGURATION = "table.json", "haproxy.cfg"

logger = logging.getLogger(__name__)


def stored(gateway: GatewayAddress, config: GatewayConfig) -> tuple[RoutingTable, Rendered] | None:
    """Return the table that was last written and its rendering, None when there is none that can be used."""
    try:
        content = json.loads((gateway.folder / _TABLE).read_bytes())
        table = _from_dict(content)
        return table, render(table, config)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, LookupError, AttributeError, GatewayRejected) as error:
        logger.warning("The gateway's stored table cannot be used and is written again: %s", error)
        return None


def save(gateway: GatewayAddress, table: RoutingTable, new: Rendered, *, checked: bool = False) -> bool:
    """Write a table to the disk, its digest last; return whether a file that HAProxy reads was different before.

    Args:
        checked: whether HAProxy has accepted the configuration already.

    Raises:
        GatewayRejected: HAProxy does not accept it; the files are unchanged.
    """
    folder = gateway.folder
    maps = {name: map_text(entries) for name, entries in new.maps.items()}
    desired = {**maps, **new.certificates, _CONFIGURATION: new.text, STATE: map_text({STATE_KEY: new.digest})}
    for name, content in new.certificates.items():
        write_if_changed(folder / name, content)
    for name in (*maps, STATE, "server-state"):
        if not (folder / name).exists():
            write(folder / name, "")
    if not checked and not holds(folder / _CONFIGURATION, new.text):
        write(folder / "haproxy.cfg.new", new.text)
        gateway.control.check("haproxy.cfg.new")
    is_different = not all(holds(folder / name, content) for name, content in desired.items())
    if is_different:
        write(folder / STATE, "")
    write_if_changed(folder / _TABLE, json.dumps(_to_dict(table)))
    for name, content in desired.items():
        write_if_changed(folder / name, content)
    _STARTS.record(gateway)
    return is_different


def may_have_started_with_damaged_files(gateway: GatewayAddress) -> bool:
    """Return whether HAProxy has been started since the files were last compared in this process."""
    return not _STARTS.is_recorded(gateway)


def _to_dict(table: RoutingTable) -> dict[str, Any]:
    maps = {"routes": dict(table.routes), "idle": dict(table.idle), "grants": dict(table.grants)}
    return {**asdict(table), **maps, "revoked": sorted(table.revoked)}


def _from_dict(content: dict[str, Any]) -> RoutingTable:
    backends = tuple(
        Backend(
            **{
                **backend,
                "servers": tuple(Server(**server) for server in backend["servers"]),
                "retry": Retry(backend["retry"]),
                "upstream": Upstream(**backend.get("upstream", {})),
                "health_check": HealthCheck(**check) if (check := backend.get("health_check")) else None,
            }
        )
        for backend in content["backends"]
    )
    rest = {"revoked": frozenset(content["revoked"]), "read_at": int(content["read_at"])}
    return RoutingTable(**{**content, "backends": backends, **rest})


class _Starts:
    """The last start of HAProxy (identified by its pid file) since which the files were compared."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._recorded: tuple[str, int, int] | None = None

    def record(self, gateway: GatewayAddress) -> None:
        with self._lock:
            self._recorded = self._current(gateway)

    def is_recorded(self, gateway: GatewayAddress) -> bool:
        with self._lock:
            return self._recorded is not None and self._recorded == self._current(gateway)

    @staticmethod
    def _current(gateway: GatewayAddress) -> tuple[str, int, int] | None:
        try:
            return version_of(gateway.control.run / "haproxy.pid")
        except OSError:
            return None


_STARTS = _Starts()
