"""Hosts and addresses of the web in their one spelling (Y8), wherever they are compared, counted, signed or linked."""

import re
import unicodedata
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

import idna
from pydantic import AfterValidator

_LONGEST_HOST = 253
_LABEL = re.compile("[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NEVER_IN_ADDRESSES = re.compile(r"[\s\\<>\"^`{|}]")
_SCHEMES = {"http": 80, "https": 443}
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 what a server listens on, and who reaches it here


def host_spelled(host: str) -> str:
    """Return a host's one spelling: small letters, no dot of the root, its name in ASCII, a short IPv6 address.

    Raises `ValueError` for what no name or address is.
    """
    with suppress(ValueError):
        return _plain(ip_address(host))
    name = _in_ascii(unicodedata.normalize("NFKC", host)).removesuffix(".")
    labels = name.split(".")
    if len(name) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("no host has a name like this: up to 63 letters, digits and hyphens between dots")
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        raise ValueError("no such address: what ends in a number is an IPv4 address, such as 192.0.2.1")
    return name


def address_of(host: str, port: int) -> str:
    """Return where a server of this machine is reached that listens there; one that listens on all, on itself."""
    reached = reached_at(host)
    return f"http://{_in_brackets(reached)}:{port}"


def reached_at(host: str) -> str:
    """Return the host at which this machine reaches a server that listens on `host`."""
    return _EVERY_ADDRESS.get(host, host)


def web_address(text: str) -> str:
    """Return a whole address: scheme and host in their one spelling, path and query as they were written.

    Raises `ValueError` for what no browser opens.
    """
    if not text.isprintable() or _NEVER_IN_ADDRESSES.search(text):
        raise ValueError(_NO_ADDRESS)
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        raise ValueError("a port is a number up to 65535") from None
    if port == 0:
        raise ValueError("nothing is reached at port 0")
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError(_NO_ADDRESS)
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address that others see holds neither a name nor a password")
    host = _in_brackets(host_spelled(parts.hostname))
    if "[" in parts.netloc and ":" not in parts.hostname:
        raise ValueError("only an IPv6 address stands in brackets")
    place = host if port in {None, _SCHEMES[parts.scheme]} else f"{host}:{port}"
    return urlunsplit(parts._replace(netloc=place))


_NO_ADDRESS = "must be a whole address, such as https://www.example.co.jp/terms"
WebAddress = Annotated[str, AfterValidator(web_address)]
"""An absolute address that a browser opens."""


def client_spelled(host: str) -> str:
    """Return the one spelling of who asks: an IPv4 address that comes as an IPv6 one is the same client."""
    try:
        return _plain(ip_address(host.partition("%")[0]))
    except ValueError:
        return host


def _plain(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address) and (address.scope_id or address.ipv4_mapped):
        if address.scope_id:
            raise ValueError("an address of one machine's own network card")
        return str(address.ipv4_mapped)
    return str(address)


def _in_ascii(host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"no host has a name like this: {error}") from None


def _in_brackets(host: str) -> str:
    return f"[{host}]" if ":" in host else host
