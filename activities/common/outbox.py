"""Every mail is sent from here: stored as pending, sent while its row is held, then marked as sent."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Protocol

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.common.mail_headers import new_mail, one_address
from activities.common.mail_html import html_of
from activities.common.mail_markdown import MARKDOWN, text_of
from models.common.calendar import utc_now
from models.common.messages import MAIL_HELD, MAIL_REFUSED, SentMail
from models.common.secret_keys import SecretKeys
from models.common.store.audit import audit
from models.common.store.held_cases import is_held
from models.common.store.ledger import SYSTEM
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.common.store.statements import bound, values_of
from models.tables import NoticeRow, table_of

MAILS_AT_ONCE = 4
"""Of one worker. Each holds a connection to the database while the mail server thinks: others need some too."""

_TURN_WITHIN = 1.0  # seconds that a quick try waits for its turn
_PAUSE = 60.0  # seconds without quick tries after one has failed
_HELD_FOR = timedelta(minutes=1)
HELD = (
    "バックアップから復元した後のため、送信を止めています。すでに送っている可能性があります。"
    "管理者の画面「復元後の送信」で、案件ごとに送信を再開してください。"
)
_LEFT = "left to the mails' task queue"

_STORED = ("key", "case_no", "part", "kind", "recipient", "subject", "message_id")
_STORE = insert(table_of(NoticeRow)).values(bound(table_of(NoticeRow), "its_", _STORED)).on_conflict_do_nothing()
_LOCKED = select(NoticeRow).where(NoticeRow.key == bindparam("key")).with_for_update()


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
    part: int | None = None
    is_asked_for: bool = False
    """Somebody waits for it, who has just asked: it does not wait when its case does after a restore."""


Write = Callable[[DatabaseSession], Awaitable[WrittenMail]]
Audit = Callable[[DatabaseSession, NoticeRow], None]


def mail_audit(session: DatabaseSession, notice: NoticeRow, *, at: datetime, to: str = "") -> None:
    """Add the audit entries of a mail that was sent, one for each case that it is about.

    `to` says for whom, where the subject does not.
    """
    action = f"メールを送信した：{notice.subject}{to}"
    for case_no in notice.all_cases:
        audit(session, case_no, action, by=SYSTEM, at=at, part=notice.part, message_id=notice.message_id)


class MailNotTakenError(Exception):
    """The mail server has not taken the mail; the text is what it said, without an address."""


class HeldError(ApplicationError):
    """It waits since a restore until an operator releases its case; looked at again every minute."""

    def __init__(self) -> None:
        super().__init__(HELD, type=MAIL_HELD, next_retry_delay=_HELD_FOR, category=ApplicationErrorCategory.BENIGN)


class RecipientRefusedError(Exception):
    """The recipient is refused for good; the text says so to operators, without the address."""


class NothingToSendError(Exception):
    """Raised while a mail is written that is not to be sent now: nothing is stored."""


def _count(outcome: str) -> None:
    if activity.in_activity():
        counted = activity.metric_meter().create_counter("tetsuzuki_mail_tries", "Mails offered to the mail server.")
        counted.add(1, {"outcome": outcome})


class MailTransport(Protocol):
    """Whatever takes a mail."""

    async def send(self, mail: EmailMessage) -> None:
        """Return when the mail is taken.

        Raises:
            RecipientRefusedError: it never will be, unless the address changes.
            Exception: any other: it is not taken now.

        """


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
            raise  # its recipient is refused, or it is held: that says nothing of the server
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

    async def send(self, mail: MailIdentity, write: Write, audited: Audit | None = None) -> SentMail:
        """Write the mail and send it unless it was sent before; `audited` is called in the transaction that says so.

        `write` may raise `NothingToSendError`.

        Raises:
            ApplicationError: of type `MAIL_REFUSED`, if the recipient is refused for good.
            HeldError: its case waits since a restore.
            Exception: any other: it may be tried again.

        """
        quickly = activity.in_activity() and activity.info().is_local
        async with self._quick_tries.one() if quickly else nullcontext():
            try:
                return await self._send(mail, write, audited)
            except NothingToSendError:
                return SentMail(message_id=None)

    async def _send(self, mail: MailIdentity, write: Write, audited: Audit | None) -> SentMail:
        message_id = self._message_id(mail.key)
        async with self._sessions.begin() as session:
            written = await write(session)
            pending = {
                "key": mail.key,
                "case_no": mail.case_no,
                "part": mail.part,
                "kind": mail.kind,
                "recipient": written.recipient,
                "subject": written.subject,
                "message_id": message_id,
            }
            await session.execute(_STORE, values_of("its_", pending))
        async with self._sessions.begin() as session:
            # Whoever sends holds the row; a second one waits here and then finds the mail sent.
            notice = (await session.scalars(_LOCKED, {"key": mail.key})).one()
            if notice.sent_at is None and not mail.is_asked_for and await is_held(session, notice.all_cases):
                raise HeldError
            if notice.sent_at is None:
                notice.recipient, notice.subject = written.recipient, written.subject
                notice.cases = list(written.cases)
                notice.refused_because = await self._refusal(notice, written)
                if notice.refused_because is None:
                    notice.sent_at = self._now()
                    if audited:
                        audited(session, notice)
        if refused := notice.refused_because:
            raise ApplicationError(refused, type=MAIL_REFUSED, non_retryable=True)  # no address is in it
        return SentMail(message_id=notice.message_id)

    async def _refusal(self, notice: NoticeRow, written: WrittenMail) -> str | None:
        """Send the mail; return why its recipient is refused for good, None if it was taken."""
        try:
            to = one_address(notice.recipient)
        except ValueError:
            return "宛先のメールアドレスの形が正しくありません。"
        outcome = "not_taken"
        try:
            await self._transport.send(self._compose(notice, to, written))
            outcome = "sent"
        except RecipientRefusedError as refused:
            outcome = "refused"
            return str(refused)
        finally:
            _count(outcome)
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
