"""Every mail is sent from here: stored as pending, sent while its row is held, then marked as sent."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Protocol

import aiosmtplib
from sqlalchemy.dialects.postgresql import insert
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.common.mail_headers import new_mail, one_address
from activities.common.mail_html import html_of
from activities.common.mail_markdown import MARKDOWN, text_of
from models.common.calendar import utc_now
from models.common.messages import MAIL_REFUSED, SentMail
from models.common.secret_keys import SecretKeys
from models.common.store.ledger import SYSTEM
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import AuditRow, NoticeRow

MAILS_AT_ONCE = 4
"""Of one worker. Each holds a connection to the database while the mail server thinks: others need some too."""

_TAKEN_WITHIN = 30  # seconds for the whole conversation; well below the policy for mails
_TURN_WITHIN = 1.0  # seconds that a quick try waits for its turn
_PAUSE = 60.0  # seconds without quick tries after one has failed
_LEFT = "left to the mails' task queue"


@dataclass(frozen=True)
class WrittenMail:
    """A mail ready to be sent; both of its parts follow from its Markdown."""

    recipient: str
    subject: str
    markdown: str
    cases: tuple[str, ...] = ()
    """The cases that it names, if it is about several."""

    @property
    def body(self) -> str:
        """What it says as plain text."""
        return text_of(self.markdown)


@dataclass(frozen=True)
class MailIdentity:
    """Which mail it is: the same key is the same mail, however often it is to be sent."""

    key: str
    kind: str
    case_no: str | None = None
    """The case that it is about, if it is about one."""
    application_no: str | None = None
    office_no: int | None = None


Write = Callable[[DatabaseSession], Awaitable[WrittenMail]]
Audit = Callable[[NoticeRow], Iterable[AuditRow]]


def mail_audit(notice: NoticeRow, *, at: datetime, to: str = "") -> list[AuditRow]:
    """Return the audit rows of a mail that was sent, one for each case that it is about.

    `to` says for whom, where the subject does not.
    """
    return [
        AuditRow(
            happened_at=at,
            case_no=case_no,
            part=notice.office_no,
            action=f"メールを送信した：{notice.subject}{to}",
            by=SYSTEM,
            facts={"message_id": notice.message_id},
        )
        for case_no in notice.all_cases
    ]


class MailNotTakenError(Exception):
    """The mail server has not taken the mail; the text says why without what it said."""


class RecipientRefusedError(Exception):
    """The recipient is refused for good; the text says so to operators, without the address."""


class NothingToSendError(Exception):
    """Raised while a mail is written that is not to be sent now: nothing is stored."""


class MailTransport(Protocol):
    """Whatever takes a mail."""

    async def send(self, mail: EmailMessage) -> None:
        """Return when the mail is taken.

        Raises:
            RecipientRefusedError: it never will be, unless the address changes.
            Exception: any other: it is not taken now.

        """


class SmtpTransport:
    """An SMTP server, one connection per mail."""

    def __init__(
        self, host: str, port: int, *, user: str | None, password: str | None, tls: bool, bounces_to: str | None = None
    ) -> None:
        """Take where the server is; `bounces_to`: where mails come back to, else to whom they are from."""
        self._host, self._port, self._user, self._password, self._tls = host, port, user, password, tls
        self._bounces_to = bounces_to

    async def send(self, mail: EmailMessage) -> None:
        [recipient] = mail["To"].addresses
        [sender] = mail["From"].addresses
        try:
            async with asyncio.timeout(_TAKEN_WITHIN):
                await aiosmtplib.send(
                    mail.as_bytes(),
                    sender=self._bounces_to or sender.addr_spec,
                    recipients=[recipient.addr_spec],
                    hostname=self._host,
                    port=self._port,
                    username=self._user,
                    password=self._password,
                    start_tls=self._tls,
                    timeout=20,
                )
        # Servers repeat the address in what they say, and a failure is kept in history and logs.
        except aiosmtplib.SMTPRecipientsRefused as refused:
            [first] = refused.recipients
            raise self._of_recipient(first) from None
        except aiosmtplib.SMTPResponseException as refused:
            raise self._not_taken(f"SMTP {refused.code} と答えました（{type(refused).__name__}）") from None
        except TimeoutError:
            raise self._not_taken("時間内に答えませんでした") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise self._not_taken(f"応答しません（{type(error).__name__}）") from None

    def _not_taken(self, why: str) -> MailNotTakenError:
        """Return the error that operators read out to an engineer: which server it is, and what it did."""
        return MailNotTakenError(f"メールサーバー {self._host}:{self._port} が{why}。")

    def _of_recipient(self, refused: aiosmtplib.SMTPRecipientRefused) -> Exception:
        """Distinguish an address that is wrong from one that is not taken now, or not from us: that is ours to fix."""
        if 500 <= refused.code < 600 and refused.code not in _ABOUT_US and not refused.message.startswith(_POLICY):  # noqa: PLR2004 RFC 5321
            return RecipientRefusedError(f"メールサーバーが宛先を受け付けませんでした（SMTP {refused.code}）。")
        return self._not_taken(f"SMTP {refused.code} と答えました（{type(refused).__name__}）")


_ABOUT_US = (503, 530)
"""Commands out of order, and log-in required."""
_POLICY = "5.7."
"""RFC 3463: security and policy, such as that the server does not relay for us."""


class QuickTries:
    """Which mails are tried within a workflow task: few at once, and none for a minute after one that failed.

    All others are left to the mails' task queue, so that a mail server that stalls holds up no case.
    """

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(MAILS_AT_ONCE)
        self._not_before = 0.0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Try one mail. Raises `MailNotTakenError` if it is left to the mails' queue."""
        if time.monotonic() < self._not_before:
            raise MailNotTakenError(_LEFT)
        try:
            async with asyncio.timeout(_TURN_WITHIN):
                await self._turns.acquire()
        except TimeoutError:
            raise MailNotTakenError(_LEFT) from None
        try:
            yield
        except ApplicationError:
            raise  # its recipient is refused: that says nothing of the server
        except BaseException:
            self._not_before = max(self._not_before, time.monotonic() + _PAUSE)
            raise
        finally:
            self._turns.release()


class Outbox:
    """Sends each mail once.

    The notice row is the ledger: `sent_at` empty means pending, or refused if `refused_because` is set; another call
    tries again, with the recipient and text of that time. One window is left: if this process dies between the SMTP
    server's yes and our commit, the next try sends the same mail with the same Message-ID again.
    """

    def __init__(
        self,
        sessions: DatabaseSessions,
        transport: MailTransport,
        sender: str,
        secret_keys: SecretKeys,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions = sessions
        self._transport = transport
        self._sender = sender
        self._secret_keys = secret_keys
        self._now = now
        self._quick_tries = QuickTries()

    async def send(self, mail: MailIdentity, write: Write, audit: Audit | None = None) -> SentMail:
        """Write the mail and send it unless it was sent before; what `audit` returns is stored when it is sent.

        `write` may raise `NothingToSendError`.

        Raises:
            ApplicationError: of type `MAIL_REFUSED`, if the recipient is refused for good.
            Exception: any other: it may be tried again.

        """
        quickly = activity.in_activity() and activity.info().is_local
        async with self._quick_tries.one() if quickly else nullcontext():
            try:
                return await self._send(mail, write, audit)
            except NothingToSendError:
                return SentMail(message_id=None)

    async def _send(self, mail: MailIdentity, write: Write, audit: Audit | None) -> SentMail:
        message_id = self._message_id(mail.key)
        async with self._sessions.begin() as session:
            written = await write(session)
            await session.execute(
                insert(NoticeRow)
                .values(
                    key=mail.key,
                    case_no=mail.case_no,
                    application_no=mail.application_no,
                    office_no=mail.office_no,
                    kind=mail.kind,
                    recipient=written.recipient,
                    subject=written.subject,
                    message_id=message_id,
                )
                .on_conflict_do_nothing()
            )
        async with self._sessions.begin() as session:
            # Whoever sends holds the row; a second one waits here and then finds the mail sent.
            notice = await session.get_one(NoticeRow, mail.key, with_for_update=True)
            if notice.sent_at is None:
                notice.recipient, notice.subject = written.recipient, written.subject
                notice.cases = list(written.cases)
                notice.refused_because = await self._refusal(notice, written)
                if notice.refused_because is None:
                    notice.sent_at = self._now()
                    if audit:
                        session.add_all(audit(notice))
        if refused := notice.refused_because:
            raise ApplicationError(refused, type=MAIL_REFUSED, non_retryable=True)  # no address is in it
        return SentMail(message_id=notice.message_id)

    async def _refusal(self, notice: NoticeRow, written: WrittenMail) -> str | None:
        """Send the mail; return why its recipient is refused for good, None if it was taken."""
        try:
            to = one_address(notice.recipient)
        except ValueError:
            return "宛先のメールアドレスの形が正しくありません。"
        try:
            await self._transport.send(self._compose(notice, to, written))
        except RecipientRefusedError as refused:
            return str(refused)
        return None

    def _compose(self, notice: NoticeRow, to: Address, written: WrittenMail) -> EmailMessage:
        """Raise `ValueError` for a subject that is not one: it could become another header."""
        mail = new_mail()
        mail["From"] = self._sender
        mail["To"] = to
        mail["Subject"] = notice.subject
        mail["Date"] = format_datetime(self._now())
        mail["Message-ID"] = notice.message_id
        mail["Auto-Submitted"] = "auto-generated"
        tokens = MARKDOWN.parse(written.markdown)
        text = text_of(written.markdown, tokens)
        page = html_of(notice.subject, written.markdown, tokens)
        mail.set_content(text, charset="utf-8", cte="base64")
        mail.add_alternative(page, subtype="html", charset="utf-8", cte="base64")
        mail["Content-Language"] = "ja"  # after the content: setting that removes every `Content-` header
        return mail

    def _message_id(self, key: str) -> str:
        """Return an id that only those know who have had the mail: whoever names it says that it has come back."""
        domain = parseaddr(self._sender)[1].rpartition("@")[2]
        return f"<{self._secret_keys.digest(f'mail:{key}').hex()[:40]}@{domain}>"
