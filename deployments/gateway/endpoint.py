"""Where the gateway of this installation is: the only place that reads the settings for it."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from django.conf import settings

from deployments.auth import tokens
from deployments.gateway import tls
from deployments.gateway.haproxy.config import GatewayConfig
from deployments.gateway.haproxy.control import Control

MAX_CONNECTIONS = 10_000  # of clients at a time
LOOK_AT_CERTIFICATE_EVERY = 600.0  # seconds
_LOCAL = {"::": "::1", **dict.fromkeys(("", "*", "0.0.0.0"), "127.0.0.1")}  # noqa: S104  compared with, not bound to
_ASKED = (
    *("LAUNCHPAD_HOME", "LAUNCHPAD_GATEWAY_BIND", "LAUNCHPAD_GATEWAY_HOST"),
    *("LAUNCHPAD_TLS_CERT", "LAUNCHPAD_TLS_KEY"),
)


@dataclass(frozen=True, kw_only=True)
class GatewayAddress:
    """The gateway's folder and how to reach it.

    Args:
        folder: configuration and maps.
        control: its sockets.
        host: the public host name.
        address: IP address on this machine to reach it at.
        port: TCP port.
    """

    folder: Path
    control: Control
    host: str
    address: str
    port: int


def place() -> GatewayAddress:
    """Return where the gateway of the settings is."""
    home = Path(settings.LAUNCHPAD_HOME)
    bind = settings.LAUNCHPAD_GATEWAY_BIND.strip("[]")
    return GatewayAddress(
        folder=home / "gateway",
        control=Control(home / "gateway", home / "run"),
        host=settings.LAUNCHPAD_GATEWAY_HOST,
        address=_LOCAL.get(bind, bind),
        port=settings.LAUNCHPAD_GATEWAY_PORT,
    )


def prefix_of(deployment_id: str) -> str:
    """Return the path below which the gateway serves a deployment."""
    return f"/v2/inference/deployments/{deployment_id}"


def inference_url(deployment_id: str) -> str:
    """Return the public URL of a deployment."""
    here = place()
    return f"https://{here.host}{'' if here.port == 443 else f':{here.port}'}{prefix_of(deployment_id)}"


def site() -> GatewayConfig:
    """Return what the configuration depends on beside the table.

    Raises:
        GatewayRejected: the certificate of the settings cannot be used.
    """
    shown = certificate()
    return GatewayConfig(
        bind=settings.LAUNCHPAD_GATEWAY_BIND.strip("[]"),
        port=settings.LAUNCHPAD_GATEWAY_PORT,
        http_bind=settings.LAUNCHPAD_BIND.strip("[]"),
        http_port=settings.LAUNCHPAD_PORT,
        connections=_connections(),
        cors_origins=tuple(settings.LAUNCHPAD_CORS_ORIGINS),
        web_processes=settings.LAUNCHPAD_WEB_PROCESSES,
        proxies=settings.LAUNCHPAD_PROXIES,
        is_behind_tls=settings.LAUNCHPAD_SECURE or settings.LAUNCHPAD_PROXIES > 0,
        issuer=settings.LAUNCHPAD_URL,
        keys=tokens.public_keys(),
        certificate=Path("..") / "tls" / shown.path.name,
        fingerprint=shown.fingerprint,
        threads=getattr(settings, "LAUNCHPAD_GATEWAY_THREADS", 2),
    )


def _connections() -> int:
    """Return how many connections file descriptors suffice for: one to the client and one to a server each."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return MAX_CONNECTIONS if most == resource.RLIM_INFINITY else max(100, min(MAX_CONNECTIONS, most // 2 - 100))


def certificate() -> tls.Certificate:
    """Return the gateway's certificate, looked at again every ten minutes so that it is renewed in time."""
    return _CERTIFICATE.now()


class _Certificate:
    def __init__(self) -> None:
        self._lock = Lock()
        self._known: tuple[tuple[str, ...], float, tls.Certificate] | None = None

    def now(self) -> tls.Certificate:
        wanted = tuple(str(getattr(settings, name)) for name in _ASKED)
        with self._lock:
            if self._known and self._known[0] == wanted and time.monotonic() < self._known[1]:
                return self._known[2]
            found = tls.ensure(Path(settings.LAUNCHPAD_HOME))
            self._known = (wanted, time.monotonic() + LOOK_AT_CERTIFICATE_EVERY, found)
            return found


_CERTIFICATE = _Certificate()
