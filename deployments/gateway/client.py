"""Requests of our own to the gateway, over TLS as everybody's."""

from __future__ import annotations

import ssl

import urllib3

from deployments.gateway.endpoint import certificate, place


def pool(timeout: urllib3.Timeout) -> urllib3.HTTPSConnectionPool:
    """Return a pool of connections to the gateway; it is to be closed.

    Nothing but the gateway's own certificate is trusted, even if it is no authority and its authority is unknown.
    """
    here = place()
    context = ssl.create_default_context(cafile=str(certificate().trusted))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return urllib3.HTTPSConnectionPool(
        here.address,
        here.port,
        ssl_context=context,
        server_hostname=here.host,
        assert_hostname=here.host,
        timeout=timeout,
        maxsize=1,
    )
