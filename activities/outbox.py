"""The one way a mail leaves: stored as pending, sent while its row is held, then marked as sent."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Protocol

import aiosmtplib
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from activities.mail_headers import new_mail, one_address
from activities.mail_html import html_of
from models.messages import SentMail
from models.tables import Base, NoticeRow


@dataclass(frozen=True)
class WrittenMail:
    """A mail ready to be sent; its HTML part follows from the text."""

    recipient: str
    subject: str
    body: str


@dataclass(frozen=True)
class Letter:
    """Which mail it is: the same key is the same mail, however often it is asked for."""

    key: str
    kind: str
    application_no: str | None = None
    office_no: int | None = None


Write = Callable[[AsyncSession], Awaitable[WrittenMail]]


class MailNotTakenError(Exception):
    """The mail server has not taken the mail; the text says why without what it said."""


class MailTransport(Protocol):
    """Whatever takes a mail."""

    async def send(self, mail: EmailMessage) -> None:
        """Return when the mail is taken; raise otherwise."""


class SmtpTransport:
    """An SMTP server, one connection per mail."""

    def __init__(self, host: str, port: int, *, user: str | None, password: str | None, tls: bool) -> None:
        self._host, self._port, self._user, self._password, self._tls = host, port, user, password, tls

    async def send(self, mail: EmailMessage) -> None:
        [recipient] = mail["To"].addresses
        [sender] = mail["From"].addresses
        try:
            await aiosmtplib.send(
                mail.as_bytes(),
                sender=sender.addr_spec,
                recipients=[recipient.addr_spec],
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                start_tls=self._tls,
                timeout=20,
            )
        except aiosmtplib.SMTPException as refused:
            # Servers repeat the address in what they say, and a failure is kept in history and logs.
            raise MailNotTakenError(_why(refused)) from None


class Outbox:
    """Sends each letter once.

    The notice row is the ledger: `sent_at` empty means pending. What is left: if this process dies between the SMTP
    server's yes and our commit, the next try sends the same mail with the same Message-ID again.
    """

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        transport: MailTransport,
        sender: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sessions = sessions
        self._transport = transport
        self._sender = sender
        self._now = now

    async def send(self, letter: Letter, write: Write, also: Callable[[NoticeRow], Base] | None = None) -> SentMail:
        """Write the letter and send it unless it was sent before; what `also` returns is stored when it is sent."""
        message_id = self._message_id(letter.key)
        async with self._sessions.begin() as session:
            written = await write(session)
            await session.execute(
                insert(NoticeRow)
                .values(
                    key=letter.key,
                    application_no=letter.application_no,
                    office_no=letter.office_no,
                    kind=letter.kind,
                    recipient=written.recipient,
                    subject=written.subject,
                    message_id=message_id,
                )
                .on_conflict_do_nothing()
            )
        async with self._sessions.begin() as session:
            # Whoever sends holds the row; a second one waits here and then finds the mail sent.
            notice = await session.get_one(NoticeRow, letter.key, with_for_update=True)
            if notice.sent_at is None:
                await self._transport.send(self._compose(notice, written.body))
                notice.sent_at = self._now()
                if also:
                    session.add(also(notice))
        return SentMail(message_id=message_id)

    def _compose(self, notice: NoticeRow, body: str) -> EmailMessage:
        """Raise `ValueError` for an address or a subject that is not one: it could become another header."""
        mail = new_mail()
        mail["From"] = self._sender
        mail["To"] = one_address(notice.recipient)
        mail["Subject"] = notice.subject
        mail["Date"] = format_datetime(self._now())
        mail["Message-ID"] = notice.message_id
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(body, charset="utf-8", cte="base64")
        mail.add_alternative(html_of(notice.subject, body), subtype="html", charset="utf-8", cte="base64")
        mail["Content-Language"] = "ja"  # after the content: setting that removes every `Content-` header
        return mail

    def _message_id(self, key: str) -> str:
        domain = parseaddr(self._sender)[1].rpartition("@")[2]
        return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def _why(refused: aiosmtplib.SMTPException) -> str:
    """Return the kind of refusal and the server's number for it (550: it knows no such address)."""
    first = refused.recipients[0] if isinstance(refused, aiosmtplib.SMTPRecipientsRefused) else refused
    code = first.code if isinstance(first, aiosmtplib.SMTPResponseException) else "no answer"
    return f"{type(first).__name__}: {code}"
