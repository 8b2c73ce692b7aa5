"""Mail (Y18): written from templates, sent once, kept as pending until the SMTP server has taken it."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Protocol

import aiosmtplib
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio import activity

from activities.ledger import SYSTEM
from activities.mail_texts import MailTexts
from models.identifiers import ledger_key
from models.messages import SendMail, SentMail
from models.tables import AuditRow, NoticeRow


class MailTransport(Protocol):
    """Whatever takes a mail."""

    async def send(self, mail: EmailMessage) -> None:
        """Return when the mail is taken; raise otherwise."""


class SmtpTransport:
    """An SMTP server, one connection per mail."""

    def __init__(self, host: str, port: int, *, user: str | None, password: str | None, tls: bool) -> None:
        self._host, self._port, self._user, self._password, self._tls = host, port, user, password, tls

    async def send(self, mail: EmailMessage) -> None:
        await aiosmtplib.send(
            mail,
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            start_tls=self._tls,
            timeout=20,
        )


class MailActivities:
    """Sends one mail per application, office, kind and occurrence.

    The notice row is the ledger: `sent_at` empty means pending. What is left: if this process dies between the SMTP
    server's yes and our commit, the next try sends the same mail with the same Message-ID again.
    """

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        transport: MailTransport,
        texts: MailTexts,
        sender: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sessions = sessions
        self._transport = transport
        self._texts = texts
        self._sender = sender
        self._now = now

    @activity.defn
    async def send_mail(self, request: SendMail) -> SentMail:
        """Send the mail unless it was sent before."""
        key = ledger_key(request.application_no, request.office_no, f"mail.{request.kind}.{request.occurrence}")
        message_id = self._message_id(key)
        async with self._sessions.begin() as session:
            written = await self._texts.write(session, request)
            await session.execute(
                insert(NoticeRow)
                .values(
                    key=key,
                    application_no=request.application_no,
                    office_no=request.office_no,
                    kind=request.kind,
                    recipient=written.recipient,
                    subject=written.subject,
                    message_id=message_id,
                )
                .on_conflict_do_nothing()
            )
        async with self._sessions.begin() as session:
            # Whoever sends holds the row; a second one waits here and then finds the mail sent.
            notice = await session.get_one(NoticeRow, key, with_for_update=True)
            if notice.sent_at is None:
                await self._transport.send(self._compose(notice, written.body))
                notice.sent_at = self._now()
                session.add(
                    AuditRow(
                        happened_at=request.at,
                        application_no=request.application_no,
                        office_no=request.office_no,
                        action=f"メールを送信した：{notice.subject}",
                        by=SYSTEM,
                        facts={"message_id": message_id},
                    )
                )
        return SentMail(message_id=message_id)

    def _compose(self, notice: NoticeRow, body: str) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._sender
        mail["To"] = notice.recipient
        mail["Subject"] = notice.subject
        mail["Date"] = format_datetime(self._now())
        mail["Message-ID"] = notice.message_id
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(body, charset="utf-8", cte="base64")
        mail["Content-Language"] = "ja"  # after the content: setting that removes every `Content-` header
        return mail

    def _message_id(self, key: str) -> str:
        domain = parseaddr(self._sender)[1].rpartition("@")[2]
        return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"
