"""A small IMAP server over TLS: as much of RFC 9051 as reading a mailbox takes, on a free port."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme

USER, PASSWORD = "bounces", "the-tests'-mailbox"
_HOST = "127.0.0.1"


@dataclass
class KeptMail:
    """A mail in the mailbox."""

    uid: int
    content: bytes
    flags: set[str] = field(default_factory=set)


@dataclass
class ImapServer:
    """One mailbox. `mails` is what is in it now."""

    certificates: Path
    """Where the certificate of who signs the server's is written, for clients to trust."""
    host: str = _HOST
    port: int = 0
    mails: list[KeptMail] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    """Commands that are answered with NO."""
    _delivered: int = 0

    def deliver(self, content: bytes) -> None:
        self._delivered += 1
        self.mails.append(KeptMail(self._delivered, content))

    @property
    def unread(self) -> list[KeptMail]:
        return [mail for mail in self.mails if "\\Seen" not in mail.flags]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["ImapServer"]:
        """Answer at a free port."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.certificates)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(_HOST).configure_cert(tls)
        async with await asyncio.start_server(self._serve, _HOST, 0, ssl=tls, limit=2**20) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        try:
            while line := await reader.readline():
                tag, _, command = line.decode().strip().partition(" ")
                answer = self._refusal(command) or await self._answer(command)
                writer.write(answer.replace(b"TAG", tag.encode()))
                await writer.drain()
                if command.upper().startswith("LOGOUT"):
                    break
        finally:
            writer.close()

    def _refusal(self, command: str) -> bytes | None:
        name = command.upper().removeprefix("UID ").partition(" ")[0]
        return b"TAG NO not now\r\n" if name in self.refuses else None

    async def _answer(self, command: str) -> bytes:
        for form, answer in self._COMMANDS.items():
            if found := re.fullmatch(form, command, re.IGNORECASE):
                return await answer(self, *found.groups())
        return b"TAG BAD unknown\r\n"

    async def _capability(self) -> bytes:
        return b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n"

    async def _login(self, user: str, password: str) -> bytes:
        return b"TAG OK done\r\n" if (user, password) == (USER, PASSWORD) else b"TAG NO wrong\r\n"

    async def _select(self, folder: str) -> bytes:
        if folder != "INBOX":
            return b"TAG NO no such folder\r\n"
        return f"* {len(self.mails)} EXISTS\r\nTAG OK [READ-WRITE] done\r\n".encode()

    async def _search(self) -> bytes:
        found = [str(mail.uid) for mail in self.unread if "\\Deleted" not in mail.flags]
        return f"* SEARCH {' '.join(found)}\r\nTAG OK done\r\n".encode()

    async def _fetch(self, uid: str, most: str) -> bytes:
        answer = b""
        for number, mail in enumerate(self.mails, start=1):
            if mail.uid == int(uid):
                part = mail.content[: int(most)]
                answer = f"* {number} FETCH (UID {uid} BODY[]<0> {{{len(part)}}}\r\n".encode() + part + b")\r\n"
        return answer + b"TAG OK done\r\n"

    async def _store(self, uid: str, flags: str) -> bytes:
        for mail in self.mails:
            if mail.uid == int(uid):
                mail.flags |= set(flags.split())
        return b"TAG OK done\r\n"

    async def _expunge(self) -> bytes:
        gone = [number for number, mail in enumerate(self.mails, start=1) if "\\Deleted" in mail.flags]
        self.mails = [mail for mail in self.mails if "\\Deleted" not in mail.flags]
        return "".join(f"* {number} EXPUNGE\r\n" for number in reversed(gone)).encode() + b"TAG OK done\r\n"

    async def _logout(self) -> bytes:
        return b"* BYE\r\nTAG OK done\r\n"

    _COMMANDS: dict[str, Callable[..., Awaitable[bytes]]] = field(
        init=False,
        repr=False,
        default_factory=lambda: {
            r"CAPABILITY": ImapServer._capability,
            r'LOGIN "?([^" ]+)"? "(.*)"': ImapServer._login,
            r'SELECT "(.*)"': ImapServer._select,
            r"UID SEARCH UNSEEN UNDELETED": ImapServer._search,
            r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)": ImapServer._fetch,
            r"UID STORE (\d+) \+FLAGS\.SILENT \((.*)\)": ImapServer._store,
            r"EXPUNGE": ImapServer._expunge,
            r"LOGOUT": ImapServer._logout,
        },
    )
