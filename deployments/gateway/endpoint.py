"""The address and the configuration of this installation's gateway: the only module that reads its settings."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from deployments.auth import tokens
from deployments.cached import CachedValue
from deployments.gateway import tls
from deployments.gateway.haproxy.config import GatewayConfig
from deployments.gateway.haproxy.control import Control

MAX_CONNECTIONS = 10_000  # of clients at the same time
CERTIFICATE_CHECK_INTERVAL = 600.0  # seconds
_LOOPBACK = {"::": "::1", **dict.fromkeys(("", "*", "0.0.0.0"), "127.0.0.1")}  # noqa: S104  compared with, not bound to
_CERTIFICATE_SETTINGS = (
    *("LAUNCHPAD_HOME", "LAUNCHPAD_GATEWAY_BIND", "LAUNCHPAD_GATEWAY_HOST"),
    *("LAUNCHPAD_TLS_CERT", "LAUNCHPAD_TLS_KEY"),
)


@dataclass(frozen=True, kw_only=True)
class GatewayAddress:
    """The gateway's folder, and its address.

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


def gateway_address() -> GatewayAddress:
    """Return the folder and the address of the gateway of the settings."""
    home = Path(settings.LAUNCHPAD_HOME)
    bind = settings.LAUNCHPAD_GATEWAY_BIND.strip("[]")
    return GatewayAddress(
        folder=home / "gateway",
        control=Control(home / "gateway", home / "run"),
        host=settings.LAUNCHPAD_GATEWAY_HOST,
        address=_LOOPBACK.get(bind, bind),
        port=settings.LAUNCHPAD_GATEWAY_PORT,
    )


def prefix_of(deployment_id: str) -> str:
    """Return the path below which the gateway serves a deployment."""
    return f"/v2/inference/deployments/{deployment_id}"


def inference_url(deployment_id: str) -> str:
    """Return the public URL of a deployment."""
    gateway = gateway_address()
    return f"https://{gateway.host}{'' if gateway.port == 443 else f':{gateway.port}'}{prefix_of(deployment_id)}"


def gateway_config() -> GatewayConfig:
    """Return the part of HAProxy's configuration that comes from the settings.

    Raises:
        GatewayRejected: the certificate of the settings cannot be used.
    """
    tls_certificate = certificate()
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
        certificate=Path("..") / "tls" / tls_certificate.path.name,
        fingerprint=tls_certificate.fingerprint,
        threads=getattr(settings, "LAUNCHPAD_GATEWAY_THREADS", 2),
    )


def _connections() -> int:
    """Return how many connections the file descriptors allow: each needs two, and health checks take a tenth more."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return (
        MAX_CONNECTIONS if limit == resource.RLIM_INFINITY else max(100, min(MAX_CONNECTIONS, limit * 10 // 22 - 100))
    )


def certificate() -> tls.Certificate:
    """Return the gateway's certificate; checked every CERTIFICATE_CHECK_INTERVAL, so that it is renewed in time."""
    values = tuple(str(getattr(settings, name)) for name in _CERTIFICATE_SETTINGS)
    home = Path(settings.LAUNCHPAD_HOME)
    return _CERTIFICATE.get(values, lambda: tls.ensure(home), max_age=CERTIFICATE_CHECK_INTERVAL)


_CERTIFICATE: CachedValue[tls.Certificate] = CachedValue()
