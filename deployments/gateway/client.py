"""Launchpad's own requests to the gateway, over TLS like those of any client."""

from __future__ import annotations

import ssl

import urllib3

from deployments.gateway.endpoint import certificate, gateway_address


def pool(timeout: urllib3.Timeout) -> urllib3.HTTPSConnectionPool:
    """Return a pool of connections to the gateway; the caller has to close it.

    Only the gateway's own certificate is trusted, even if it is no certificate authority and its issuer is unknown.
    """
    gateway = gateway_address()
    context = ssl.create_default_context(cafile=str(certificate().trusted))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return urllib3.HTTPSConnectionPool(
        gateway.address,
        gateway.port,
        ssl_context=context,
        server_hostname=gateway.host,
        assert_hostname=gateway.host,
        timeout=timeout,
        maxsize=1,
    )
