"""Where returned mails are read from: a mailbox by IMAP over TLS, or a Maildir on this machine."""

import asyncio
import imaplib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from models.common.bounces import MOST_BYTES

Result = TypeVar("Result")

_ANSWERS_WITHIN = 30  # seconds for each command


class MailboxError(Exception):
    """The mailbox cannot be read; the text says which one, and at what, without what anybody has written."""


class OpenMailbox(Protocol):
    """A mailbox while it is read."""

    async def unread(self) -> list[str]:
        """Return the names of the mails that were not read before, the oldest first."""

    async def content(self, name: str) -> bytes:
        """Return a mail as it came, at most `MOST_BYTES` of it; reading changes nothing. Empty: it has gone."""

    async def remove(self, name: str) -> None:
        """Delete a mail: what it says is stored."""

    async def keep(self, name: str) -> None:
        """Leave a mail where it is, as read: people may want to see it."""


class Mailbox(Protocol):
    """A mailbox that can be opened."""

    def opened(self) -> AbstractAsyncContextManager[OpenMailbox]:
        """Open it. Raises `MailboxError`, as everything does that is done with it."""


@dataclass(frozen=True)
class ImapMailbox:
    """A mailbox of its own for returned mails. Each command runs in a thread: the library waits for the answer."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[OpenMailbox]:
        """Log in and select the folder; what was removed is gone in the end."""
        imap = await self.call("connect", self._connect)
        try:
            await self.call("log in", imap.login, self.user, self.password)
            quoted = self.folder.replace("\\", "\\\\").replace('"', '\\"')
            await self.call("select the folder", imap.select, f'"{quoted}"')
            yield _OpenImap(self, imap)
            await self.call("expunge", imap.expunge)
        finally:
            with suppress(MailboxError):
                await self.call("log out", imap.logout)
            with suppress(OSError):  # a log-out that is not answered leaves the connection open
                imap.shutdown()

    async def call(self, what: str, command: Callable[..., Result], *arguments: Any) -> Result:
        """Give a command and return its answer."""
        try:
            answer = await asyncio.to_thread(command, *arguments)
        except Exception as error:  # noqa: BLE001 the library raises anything of what a server says
            raise MailboxError(f"{self.host}:{self.port}: {what}: {type(error).__name__}") from None
        if isinstance(answer, tuple) and answer[0] == "NO":
            raise MailboxError(f"{self.host}:{self.port}: {what}: refused")
        return answer

    def _connect(self) -> imaplib.IMAP4:
        context = ssl.create_default_context()
        return imaplib.IMAP4_SSL(self.host, self.port, ssl_context=context, timeout=_ANSWERS_WITHIN)


class _OpenImap:
    """By UIDs, which stay the same while others delete."""

    def __init__(self, mailbox: ImapMailbox, imap: imaplib.IMAP4) -> None:
        self._mailbox = mailbox
        self._imap = imap

    async def unread(self) -> list[str]:
        [found, *_] = await self._uid("search", "SEARCH", "UNSEEN", "UNDELETED")
        return [each.decode() for each in found.split() if each.isdigit()] if isinstance(found, bytes) else []

    async def content(self, name: str) -> bytes:
        parts = await self._uid("fetch", "FETCH", name, f"(BODY.PEEK[]<0.{MOST_BYTES}>)")
        return next((part[1] for part in parts if isinstance(part, tuple)), b"")

    async def remove(self, name: str) -> None:
        await self._uid("mark as deleted", "STORE", name, "+FLAGS.SILENT", r"(\Seen \Deleted)")

    async def keep(self, name: str) -> None:
        await self._uid("mark as read", "STORE", name, "+FLAGS.SILENT", r"(\Seen)")

    async def _uid(self, what: str, command: str, *arguments: str) -> list[Any]:
        _, answer = await self._mailbox.call(what, self._imap.uid, command, *arguments)
        return list(answer)


@dataclass(frozen=True)
class MaildirMailbox:
    """A Maildir to which the machine's own mail server delivers what comes back."""

    path: Path

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[OpenMailbox]:
        """Look whether it is there."""
        try:
            for folder in ("tmp", "new", "cur"):
                (self.path / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            yield _OpenMaildir(self.path / "new", self.path / "cur")
        except OSError as error:
            raise MailboxError(f"{self.path}: {type(error).__name__}") from None


@dataclass(frozen=True)
class _OpenMaildir:
    """What is in `new` was never read; a name begins with the time of its arrival."""

    new: Path
    read: Path

    async def unread(self) -> list[str]:
        return sorted(file.name for file in self.new.iterdir() if not file.name.startswith("."))

    async def content(self, name: str) -> bytes:
        with suppress(FileNotFoundError):
            return (await asyncio.to_thread((self.new / name).read_bytes))[:MOST_BYTES]
        return b""

    async def remove(self, name: str) -> None:
        (self.new / name).unlink(missing_ok=True)

    async def keep(self, name: str) -> None:
        with suppress(FileNotFoundError):
            (self.new / name).rename(self.read / f"{name.partition(':')[0]}:2,S")
