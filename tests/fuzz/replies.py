"""Servers that answer anything: what they say is final only if it is sure, and never ends us in another way."""

import asyncio
import imaplib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from pathlib import Path

from activities.common.mailboxes import ImapMailbox, MailboxError
from activities.common.outbox import MailNotTakenError, RecipientRefusedError
from activities.common.smtp import SmtpTransport
from activities.webhooks.http_post import HttpPoster, NotTakenError, signed
from tests.fuzz.inputs import near
from tests.fuzz.target import FuzzTarget, in_japanese
from web.common.malware import Clamd
from web.common.problems import ProblemError
from workers.master_keys import KmsAwayError, MasterKeyError
from workers.vault_transit import VaultTransit

THEN = b"\0then\0"
"""Between what is said at once and what is said when the other side has sent something."""
TAG = b"TAG"
"""In an answer of IMAP, the first word of the command that it answers."""
_SILENT_FOR = 0.05  # seconds, after which a client that says nothing is hung up on


@asynccontextmanager
async def saying(found: bytes, *, speaks_first: bool) -> AsyncIterator[int]:
    """Give the port of a server that says this, part by part, and hangs up."""
    parts = found.split(THEN)
    conversations: list[asyncio.Task[None] | None] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.append(asyncio.current_task())
        with suppress(OSError, TimeoutError):
            asked = b"" if speaks_first else await asyncio.wait_for(reader.read(1 << 16), 1)
            for part in parts:
                writer.write(part.replace(TAG, asked.partition(b" ")[0]))
                await writer.drain()
                asked = await asyncio.wait_for(reader.read(1 << 16), _SILENT_FOR)
                if not asked:
                    break
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    for _ in range(3):  # whoever has come in begins to converse, and is waited for
        await asyncio.sleep(0)
    for each in conversations:
        if each is not None:
            await each


def _against(ask: Callable[[int], Awaitable[None]], *, speaks_first: bool = False) -> Callable[[bytes], None]:
    async def one(found: bytes) -> None:
        async with saying(found, speaks_first=speaks_first) as port:
            await ask(port)

    return lambda found: asyncio.run(one(found))


def _mail() -> EmailMessage:
    mail = EmailMessage(SMTP)
    mail["From"], mail["To"], mail["Subject"] = "弥生 <info@example.co.jp>", "taro@example.co.jp", "お知らせ"
    mail.set_content("こんにちは")
    return mail


MAIL = _mail()
POSTED = signed("msg_1", {"type": "office.closed"}, ["whsec_" + "A" * 32], datetime(2026, 11, 4, tzinfo=UTC))


async def _send_mail(port: int) -> None:
    try:
        await SmtpTransport("127.0.0.1", port).send(MAIL)
    except (MailNotTakenError, RecipientRefusedError) as refused:
        said = str(refused)
    else:
        return
    in_japanese(said)
    assert "taro" not in said
    assert said.isprintable()


async def _post(port: int) -> None:
    with suppress(NotTakenError):
        await HttpPoster(allow_private=True).post(f"http://127.0.0.1:{port}/hook", POSTED)


async def _scan(port: int) -> None:
    try:
        await Clamd("127.0.0.1", port).check(b"content")
    except ProblemError as refused:
        in_japanese(refused.detail)


async def _open_key(port: int) -> None:
    with suppress(KmsAwayError, MasterKeyError):
        await VaultTransit(f"http://127.0.0.1:{port}", "cases", _a_file()).unwrap("vault:v1:x")


@cache
def _a_file() -> Path:
    """Return any file, for the token that the service is shown."""
    return Path(__file__).with_name("__init__.py")


class _WithoutTls(ImapMailbox):
    def _connect(self) -> imaplib.IMAP4:
        return imaplib.IMAP4(self.host, self.port, timeout=2)


async def _read_mailbox(port: int) -> None:
    with suppress(MailboxError):
        async with _WithoutTls("127.0.0.1", port, "desk", "secret").opened() as mails:
            for name in await mails.unread():
                assert isinstance(await mails.content(name), bytes)
                await mails.remove(name)


def conversation(*parts: bytes) -> bytes:
    return THEN.join(parts)


TAKEN = conversation(
    b"220 mx\r\n",
    b"250-mx\r\n250 8BITMIME\r\n",
    b"250 ok\r\n",
    b"250 ok\r\n",
    b"354 go\r\n",
    b"250 taken\r\n",
    b"221 bye\r\n",
)
REFUSED = conversation(
    b"220 mx\r\n", b"250 mx\r\n", b"250 ok\r\n", b"550 5.1.1 <taro@example.co.jp> unknown\r\n", b"250 ok\r\n"
)
IMAP = conversation(
    b"* OK ready\r\n",
    b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n",
    b"TAG OK in\r\n",
    b"* 1 EXISTS\r\nTAG OK [READ-WRITE] selected\r\n",
    b"* SEARCH 7\r\nTAG OK found\r\n",
    b"* 1 FETCH (UID 7 BODY[]<0> {5}\r\nx\r\n\r\n)\r\nTAG OK fetched\r\n",
    b"* 1 FETCH (FLAGS (\\Seen))\r\nTAG OK stored\r\n",
    b"* 1 EXPUNGE\r\nTAG OK gone\r\n",
    b"* BYE\r\nTAG OK bye\r\n",
)
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
GONE = b"HTTP/1.1 410 Gone\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
MOVED = b"HTTP/1.1 301 Moved\r\nLocation: http://169.254.169.254/\r\nSet-Cookie: a=b\r\n\r\n"
OPENED = b'HTTP/1.1 200 OK\r\nContent-Length: 34\r\n\r\n{"data": {"plaintext": "AAAAAAAA"}}'
TARGETS = (
    FuzzTarget("replies of a mail server", near(TAKEN, REFUSED), _against(_send_mail, speaks_first=True)),
    FuzzTarget("answers to webhooks", near(HTTP, GONE, MOVED), _against(_post)),
    FuzzTarget("answers of a malware scanner", near(b"stream: OK\0", b"stream: Eicar FOUND\0"), _against(_scan)),
    FuzzTarget("answers of a key service", near(OPENED, HTTP), _against(_open_key)),
    FuzzTarget("answers of a mailbox", near(IMAP), _against(_read_mailbox, speaks_first=True)),
)
