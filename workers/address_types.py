"""Settings that are addresses: hosts, ports, sites and mail addresses, in a form that can be used."""

from email.headerregistry import Address
from email.utils import parseaddr
from typing import Annotated
from urllib.parse import urlsplit

import asyncpg
from pydantic import AfterValidator, Field
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.exc import ArgumentError

from models.common.identifiers import MailAddress
from models.common.web_addresses import host_spelled, web_address
from workers.setting_types import is_one_line

_MOST_PORT = 65_535
_TLS_IN_THE_ADDRESS = {"ssl", "sslmode", "sslrootcert", "sslcert", "sslkey"}
_IN_THE_ADDRESS = {"host", "port", "target_session_attrs"}
_LONGEST_SENDER = 200


def _host(text: str) -> str:
    return host_spelled(text.removeprefix("[").removesuffix("]"))


def _host_and_port(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 0 < int(port) <= _MOST_PORT:
        raise ValueError("give host:port, such as temporal.example.co.jp:7233 or [::1]:7233")
    if ":" in host and not host.startswith("["):
        raise ValueError("an IPv6 address stands in brackets: [::1]:7233")
    spelled = _host(host)
    return f"[{spelled}]:{port}" if ":" in spelled else f"{spelled}:{port}"


def _site(text: str) -> str:
    """Refuse what pages do not lie under: they begin at the root of a host."""
    address = web_address(text)
    parts = urlsplit(address)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("give scheme, host and port alone, such as https://apply.example.co.jp")
    return address


def _mail_address(text: str) -> str:
    try:
        return MailAddress(text if len(text.split()) == 1 else "")  # blanks within are people's typing, not a setting's
    except ValueError:
        raise ValueError("give one mail address, such as desk@example.co.jp (a host in Japanese as xn--…)") from None


def _mail_sender(text: str) -> str:
    """Return a sender as mails are written from: its name is kept whole, also what mail would take for a comment."""
    wanted = "give a name and one address in < >, such as 弥生 <info@example.co.jp>, or the address alone"
    if not is_one_line(text) or len(text) > _LONGEST_SENDER:
        raise ValueError(wanted)
    name, bracket, rest = text.rpartition("<")
    if not bracket:
        return _mail_address(text)
    address, end, after = rest.partition(">")
    # A name that stands in quotes already is read as it would be in a mail.
    quoted = name.strip().startswith('"')
    name = parseaddr(f"{name} <a@example.com>")[0] if quoted else name.strip()
    if not end or after.strip() or "<" in name or ">" in name or "@" in name or "\ufffd" in name:
        raise ValueError(wanted)
    return str(Address(display_name=name, addr_spec=_mail_address(address)))


def _database_url(text: str) -> str:
    try:
        url = make_url(text)
        PGDialect_asyncpg().create_connect_args(url)  # type: ignore[no-untyped-call]  # several hosts, and their ports
    except (ArgumentError, ValueError):
        raise ValueError("give postgresql+asyncpg://user@host:5432/database") from None
    if url.drivername != "postgresql+asyncpg":
        raise ValueError("it begins with postgresql+asyncpg://")
    if named := _TLS_IN_THE_ADDRESS & url.query.keys():
        raise ValueError(f"TLS is set by TETSUZUKI_DATABASE_TLS, not by {', '.join(sorted(named))} in the address")
    if unknown := url.query.keys() - _IN_THE_ADDRESS:
        raise ValueError(f"{', '.join(sorted(unknown))} cannot be set in the address")
    if url.port is not None and not 0 < url.port <= _MOST_PORT:
        raise ValueError("a port is a number from 1 to 65535")
    if url.host is not None:
        _host(url.host)
    if (attributes := url.query.get("target_session_attrs")) and attributes not in _SESSION_ATTRIBUTES:
        raise ValueError(f"target_session_attrs is one of {', '.join(_SESSION_ATTRIBUTES)}")
    return text


_SESSION_ATTRIBUTES = [each.value for each in asyncpg.connect_utils.SessionAttribute]

Host = Annotated[str, AfterValidator(_host)]
"""A name, an IPv4 or an IPv6 address."""
Port = Annotated[int, Field(ge=1, le=_MOST_PORT)]
HostAndPort = Annotated[str, AfterValidator(_host_and_port)]
SiteAddress = Annotated[str, AfterValidator(_site)]
"""Where a web application of ours is reached."""
OneMailAddress = Annotated[str, AfterValidator(_mail_address)]
MailSender = Annotated[str, AfterValidator(_mail_sender)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
