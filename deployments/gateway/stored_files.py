"""What HAProxy starts with: `table.json` (the table as last applied), and `haproxy.cfg` and the maps made of it.

What is wanted is compared with the content of these files and not with a digest that one of them holds: a file that a
crash or a hand has damaged is written anew at every start and whenever HAProxy is found dead or newly started. What
cannot be read counts as not there.
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
from deployments.serving_template import Retry
from deployments.storage.files import holds, write, write_if_changed

_TABLE, _CONFIGURATION = "table.json", "haproxy.cfg"

logger = logging.getLogger(__name__)


def stored(here: GatewayAddress, where: GatewayConfig) -> tuple[RoutingTable, Rendered] | None:
    """Return the table that was last written and what it makes, None when there is none that can be used."""
    try:
        packed = json.loads((here.folder / _TABLE).read_bytes())
        table = _unpacked(packed)
        return table, render(table, where)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, LookupError, AttributeError, GatewayRejected) as error:
        logger.warning("The gateway's stored table cannot be used and is made anew: %s", error)
        return None


def put(here: GatewayAddress, table: RoutingTable, new: Rendered, *, checked: bool = False) -> bool:
    """Put a table on disk, the digest last; return whether a file that HAProxy reads was not like that.

    Args:
        checked: whether it is known that HAProxy accepts the configuration.

    Raises:
        GatewayRejected: HAProxy does not accept it; the files are as they were.
    """
    folder = here.folder
    maps = {name: map_text(entries) for name, entries in new.maps.items()}
    wanted = {**maps, **new.certificates, _CONFIGURATION: new.text, STATE: map_text({STATE_KEY: new.digest})}
    for name, content in new.certificates.items():
        write_if_changed(folder / name, content)
    for name in (*maps, STATE, "server-state"):
        if not (folder / name).exists():
            write(folder / name, "")
    if not checked and not holds(folder / _CONFIGURATION, new.text):
        write(folder / "haproxy.cfg.new", new.text)
        here.control.check("haproxy.cfg.new")
    is_wrong = not all(holds(folder / name, content) for name, content in wanted.items())
    if is_wrong:
        write(folder / STATE, "")
    write_if_changed(folder / _TABLE, json.dumps(_packed(table)))
    for name, content in wanted.items():
        write_if_changed(folder / name, content)
    _STARTS.note(here)
    return is_wrong


def may_have_been_read_damaged(here: GatewayAddress) -> bool:
    """Return whether HAProxy has been started since the files were last compared in this process."""
    return not _STARTS.is_noted(here)


def _packed(table: RoutingTable) -> dict[str, Any]:
    maps = {"routes": dict(table.routes), "idle": dict(table.idle), "grants": dict(table.grants)}
    return {**asdict(table), **maps, "revoked": sorted(table.revoked)}


def _unpacked(packed: dict[str, Any]) -> RoutingTable:
    backends = tuple(
        Backend(
            **{
                **backend,
                "servers": tuple(Server(**server) for server in backend["servers"]),
                "retry": Retry(backend["retry"]),
                "upstream": Upstream(**backend.get("upstream", {})),
            }
        )
        for backend in packed["backends"]
    )
    rest = {"revoked": frozenset(packed["revoked"]), "read_at": int(packed["read_at"])}
    return RoutingTable(**{**packed, "backends": backends, **rest})


class _Starts:
    """The start of HAProxy, known by its pid file, after which the files were last compared."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._noted: tuple[str, int, int] | None = None

    def note(self, here: GatewayAddress) -> None:
        with self._lock:
            self._noted = self._present(here)

    def is_noted(self, here: GatewayAddress) -> bool:
        with self._lock:
            return self._noted is not None and self._noted == self._present(here)

    @staticmethod
    def _present(here: GatewayAddress) -> tuple[str, int, int] | None:
        path = here.control.run / "haproxy.pid"
        try:
            found = path.stat()
        except OSError:
            return None
        return str(path), found.st_mtime_ns, found.st_ino


_STARTS = _Starts()
