"""Where a model server is reached, as its runtime says."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from cryptography import x509

from deployments import reasons
from deployments.messages import Message

_NAME = re.compile(r"(?=.{1,253}\Z)(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?\Z")
_PREFIX = re.compile(r"(/[\w.~-]+)+\Z", re.ASCII)
_HOST_HEADER = re.compile(r"[\w.-]{1,253}(:\d{1,5})?\Z", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The address of one replica, for the gateway.

    Args:
        scheme: "http" or "https".
        host: IP address or host name. A name is resolved again whenever its deployment is reconciled.
        port: TCP port.
        path_prefix: stands before every path of the server, e.g. "/pods/7"; `""` for none.
        host_header: `Host` header of requests; `""` keeps that of the client.
        ca: PEM certificates of the authorities that are trusted for https, `""` for those of the system.
    """

    scheme: str = "http"
    host: str
    port: int
    path_prefix: str = ""
    host_header: str = ""
    ca: str = ""

    @property
    def problem(self) -> Message | None:
        """Why no request can be sent there, judging by its form; None when one can."""
        if self.scheme not in {"http", "https"}:
            return reasons.ENDPOINT_SCHEME_UNKNOWN(scheme=self.scheme)
        if not is_address(self.host) and not _NAME.match(self.host):
            return reasons.ENDPOINT_HOST_INVALID(host=self.host)
        if not 0 < self.port < 65536:
            return reasons.ENDPOINT_PORT_INVALID(port=self.port)
        if self.path_prefix and not _PREFIX.match(self.path_prefix):
            return reasons.ENDPOINT_PREFIX_INVALID(prefix=self.path_prefix)
        if self.host_header and not _HOST_HEADER.match(self.host_header):
            return reasons.ENDPOINT_HOST_HEADER_INVALID(host=self.host_header)
        return None if not self.ca or _are_certificates(self.ca) else reasons.ENDPOINT_CA_NOT_READABLE()

    @property
    def server_name(self) -> str:
        """The name that the server's certificate has to be for."""
        return self.host_header.partition(":")[0] or self.host


def is_address(host: str) -> bool:
    """Return whether a host is given by its IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _are_certificates(pem: str) -> bool:
    try:
        return bool(x509.load_pem_x509_certificates(pem.encode()))
    except ValueError:
        return False
