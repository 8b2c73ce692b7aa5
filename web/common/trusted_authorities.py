"""Whom this machine trusts when the web itself asks another server by TLS."""

import ssl
from functools import cache

import httpx


@cache
def trusted_authorities() -> ssl.SSLContext:
    """Read whom this machine trusts, and what `SSL_CERT_FILE` says; it takes a while, so once."""
    return httpx.create_ssl_context()
