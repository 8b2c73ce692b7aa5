"""TLS to the database, Temporal and the mail server: unless they are on this machine, or a setting says no.

A log-in never goes in clear off this machine, whatever is set.
"""

import os
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from sqlalchemy import URL, make_url
from temporalio.envconfig import ClientConnectConfig
from temporalio.service import TLSConfig

from activities.common.smtp import SmtpSecurity
from workers.program import ClearError
from workers.setting_types import THIS_MACHINE
from workers.settings import Settings

DatabaseTls = ssl.SSLContext | Literal[False]


class TlsError(ClearError):
    """What is set for TLS cannot be used, or would send a log-in in clear; the message names the variable."""


def is_this_machine(host: str | None) -> bool:
    """Whether what is sent there leaves this machine: it does not by a socket (a path, or nothing) and by loopback."""
    if not host or host.startswith("/") or host.lower() in THIS_MACHINE:
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def database_tls(settings: Settings) -> DatabaseTls:
    """Return how the database is reached. Raises `TlsError`."""
    if settings.database_url is None:
        return False  # the embedded one, by its socket
    url = make_url(settings.database_url)
    here = all(is_this_machine(host) for host in _hosts(url))
    wanted = settings.database_tls if settings.database_tls is not None else not here
    if wanted:
        return _context("TETSUZUKI_DATABASE_CA", settings.database_ca)
    _refuse_unused("TETSUZUKI_DATABASE_CA", settings.database_ca, "TETSUZUKI_DATABASE_TLS")
    if not here and (url.password or settings.database_password):
        raise _in_clear("TETSUZUKI_DATABASE_TLS", "the database", "true")
    return False


def temporal_tls(settings: Settings, profile: ClientConnectConfig, host: str) -> bool | TLSConfig:
    """Return how Temporal is reached at `host:port`: as our settings say, else the profile. Raises `TlsError`."""
    certificate, key = settings.temporal_client_certificate, settings.temporal_client_key
    if (certificate is None) != (key is None):
        raise TlsError("TETSUZUKI_TEMPORAL_CLIENT_CERTIFICATE and TETSUZUKI_TEMPORAL_CLIENT_KEY go together: set both")
    here = is_this_machine(host.rpartition(":")[0])
    ours = {"CA": settings.temporal_ca, "CLIENT_CERTIFICATE": certificate, "SERVER_NAME": settings.temporal_server_name}
    of_profile = None if any(ours.values()) else profile.get("tls")
    by_default = bool(of_profile) if of_profile is not None else any(ours.values()) or not here
    if not (by_default if settings.temporal_tls is None else settings.temporal_tls):
        for name, value in ours.items():
            _refuse_unused(f"TETSUZUKI_TEMPORAL_{name}", value, "TETSUZUKI_TEMPORAL_TLS")
        if not here and (settings.temporal_api_key or profile.get("api_key")):
            raise _in_clear("TETSUZUKI_TEMPORAL_TLS", "Temporal", "true")
        return False
    if isinstance(of_profile, TLSConfig):
        return of_profile
    return TLSConfig(
        domain=settings.temporal_server_name,
        server_root_ca_cert=_read("TETSUZUKI_TEMPORAL_CA", settings.temporal_ca),
        client_cert=_read("TETSUZUKI_TEMPORAL_CLIENT_CERTIFICATE", certificate),
        client_private_key=_read("TETSUZUKI_TEMPORAL_CLIENT_KEY", key),
    )


def smtp_security(settings: Settings) -> SmtpSecurity:
    """Return how the mail server is reached. Raises `TlsError`."""
    here = is_this_machine(settings.smtp_host)
    if (settings.smtp_user is None) != (settings.smtp_password is None):
        raise TlsError("TETSUZUKI_SMTP_USER and TETSUZUKI_SMTP_PASSWORD go together: set both")
    how = settings.smtp_tls or ("none" if here else "starttls")
    if how == "none":
        _refuse_unused("TETSUZUKI_SMTP_CA", settings.smtp_ca, "TETSUZUKI_SMTP_TLS")
        if settings.smtp_user and not here:
            raise _in_clear("TETSUZUKI_SMTP_TLS", "the mail server", "starttls")
        return SmtpSecurity(None)
    return SmtpSecurity(_context("TETSUZUKI_SMTP_CA", settings.smtp_ca), from_the_first_byte=how == "tls")


def check_authorities() -> None:
    """Refuse what OpenSSL's own variables name and cannot be read: whoever asks another server by TLS would end by it.

    Raises `TlsError`.
    """
    if file := os.environ.get("SSL_CERT_FILE"):
        _context("SSL_CERT_FILE", Path(file))
        return
    folders = os.environ.get("SSL_CERT_DIR")
    if folders and not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
        raise TlsError(f"SSL_CERT_DIR: {folders} is no folder")


def _hosts(url: URL) -> list[str | None]:
    named = url.query.get("host", ())
    return [url.host, *([named] if isinstance(named, str) else named)] if named else [url.host]


def _context(variable: str, ca: Path | None) -> ssl.SSLContext:
    """Return what verifies the server's certificate and its name."""
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:  # what is no certificate, too
        raise TlsError(f"{variable}: {ca} holds no certificates that can be read: {error.strerror or error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _read(variable: str, file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return file.read_bytes()
    except OSError as error:
        raise TlsError(f"{variable}: {file} cannot be read: {error.strerror}") from None


def _refuse_unused(variable: str, value: object, switch: str) -> None:
    if value is not None:
        raise TlsError(f"{variable} is set, and {switch} says that there is no TLS: change one of them")


def _in_clear(variable: str, what: str, wanted: str) -> TlsError:
    return TlsError(
        f"{variable} would send the log-in to {what} in clear over the network: leave it out, or set it to {wanted}"
    )
