"""Servers that are reached by TLS: Debian's PostgreSQL, a front before a Temporal server, and SMTP."""

import asyncio
import contextlib
import os
import pwd
import signal
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from workers.stack.checks import free_port

PASSWORD = "a-password-of-the-tests-0123456789"
DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


@dataclass(frozen=True)
class Authorities:
    """Files of the authority that has signed a server's certificate, and of another one."""

    right: Path
    wrong: Path
    authority: trustme.CA

    @classmethod
    def in_folder(cls, folder: Path) -> "Authorities":
        right, wrong = trustme.CA(), trustme.CA()
        files = folder / "right.pem", folder / "wrong.pem"
        for authority, file in zip((right, wrong), files, strict=True):
            authority.cert_pem.write_to_path(file)
        return cls(*files, right)

    def server_side(self, host: str = "localhost") -> ssl.SSLContext:
        """How a server of this name speaks TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(host).configure_cert(context)
        return context


@contextmanager
def debian_postgres(authorities: Authorities) -> Iterator[int]:
    """Debian's server at a port of this machine, by TLS alone; its user `postgres` has `PASSWORD`."""
    binaries, port = DEBIAN[-1].parent, free_port()
    entry = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": ()} if os.geteuid() == 0 else {}
    with TemporaryDirectory(prefix="tetsuzuki-") as name:
        folder = Path(name)
        data = folder / "data"
        (folder / "password").write_text(PASSWORD)
        certificate = authorities.authority.issue_cert("localhost")
        certificate.private_key_pem.write_to_path(folder / "server.key")
        certificate.cert_chain_pems[0].write_to_path(folder / "server.pem")
        (folder / "hba").write_text("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
        for file in folder.iterdir():
            file.chmod(0o600)
            os.chown(file, entry.pw_uid, entry.pw_gid)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        made = [binaries / "initdb", "-D", data, "-U", "postgres", f"--pwfile={folder}/password", "--encoding=UTF8"]
        subprocess.run([*made, "--locale=C"], **account, check=True, capture_output=True, cwd=folder)  # type: ignore[call-overload]  # noqa: S603
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            "ssl": "on",
            "ssl_cert_file": folder / "server.pem",
            "ssl_key_file": folder / "server.key",
            "hba_file": folder / "hba",
            "fsync": "off",
        }
        argv = [str(binaries / "postgres"), "-D", str(data)]
        argv += [part for option, value in options.items() for part in ("-c", f"{option}={value}")]
        server = subprocess.Popen(argv, **account, cwd=folder, stderr=subprocess.DEVNULL)  # type: ignore[call-overload]  # noqa: S603
        try:
            ready = [str(binaries / "pg_isready"), "-h", str(folder), "-p", str(port), "-t", "60"]
            while subprocess.run(ready, check=False, capture_output=True).returncode != 0:  # noqa: S603
                assert server.poll() is None, "Debian's PostgreSQL did not start"
            yield port
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()


@asynccontextmanager
async def tls_front(target: str, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Pass on what comes by TLS to a server that speaks none."""
    host, _, port = target.rpartition(":")
    context.set_alpn_protocols(["h2"])

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward, back = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pump(reader, back), pump(onward, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class TlsMailServer:
    """Takes mails by TLS alone, and log-ins with `PASSWORD`."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.logged_in: list[str] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 aiosmtpd's
        content = envelope.content or b""
        self.taken.append(content if isinstance(content, bytes) else content.encode())
        return "250 taken"

    def log_in(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: object) -> AuthResult:
        right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
        if isinstance(data, LoginPassword) and right:
            self.logged_in.append(data.login.decode())
        return AuthResult(success=right, handled=False)

    @asynccontextmanager
    async def listening(self, context: ssl.SSLContext, *, from_the_first_byte: bool = False) -> AsyncIterator[int]:
        loop = asyncio.get_running_loop()

        def conversation() -> SMTP:
            starts: dict[str, Any] = {} if from_the_first_byte else {"tls_context": context, "require_starttls": True}
            return SMTP(self, authenticator=self.log_in, auth_require_tls=not from_the_first_byte, **starts)

        by = context if from_the_first_byte else None
        async with await loop.create_server(conversation, "127.0.0.1", 0, ssl=by) as server:
            yield server.sockets[0].getsockname()[1]
