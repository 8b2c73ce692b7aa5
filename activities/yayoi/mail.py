"""The mails of a case (Y18): written from templates, sent once, each in the audit trail."""

from functools import partial

from sqlalchemy import select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.common.outbox import Letter, Outbox, WrittenMail
from activities.yayoi.cases import find_open_pair
from activities.yayoi.mail_texts import MailTexts
from activities.yayoi.registry.protocols import Contracts
from models.common.identifiers import ledger_key
from models.common.messages import SentMail
from models.common.store.ledger import SYSTEM, StepTransaction
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ApplicationRow, AuditRow, NoticeRow
from models.yayoi.identifiers import ContractId
from models.yayoi.mails import MailKind
from models.yayoi.messages import SendMail

_WAYS_OUT = {MailKind.REJECTED, MailKind.WITHDRAWN, MailKind.CANCELLED, MailKind.EXPIRED, MailKind.TERMINATED}
_COPY = "（お知らせ済みの弥生ID へ）"
_NOTICES = (MailKind.COMPLETION_NOTICE, MailKind.LINK_ADDED)
_LEADING_ON = {
    *_NOTICES,
    MailKind.CORRECTION_NEEDED,
    MailKind.CORRECTION_REMINDER,
    MailKind.RELEASE_SHARING,
    MailKind.RELEASE_SHARING_REMINDER,
    MailKind.DELAY,
    MailKind.FOLLOW_UP_REMINDER,
}
"""What asks the customer for something, or tells of what goes on."""


class MailActivities:
    """Sends one mail per application, office, kind and occurrence, and one more for each update that asks for it."""

    def __init__(self, sessions: DatabaseSessions, outbox: Outbox, texts: MailTexts, contracts: Contracts) -> None:
        self._sessions = sessions
        self._outbox = outbox
        self._texts = texts
        self._contracts = contracts

    @activity.defn
    async def send_mail(self, request: SendMail) -> SentMail:
        """Send the mail (Y18) unless it was sent before.

        That an office's case has ended early is also told to the pair's own Yayoi ID if it was told of a contract ID:
        whoever reads there would go on with it (Y27).
        """
        try:
            sent = await self._send(request)
        except ApplicationError:  # refused for good: they may be the only ones who can be told
            await self._tell_pair(request)
            raise
        await self._tell_pair(request)
        return sent

    async def _tell_pair(self, request: SendMail) -> None:
        if request.kind in _WAYS_OUT and await self._pair_was_told(request):
            await self._send(request, copy_to_pair=True)

    async def _send(self, request: SendMail, *, copy_to_pair: bool = False) -> SentMail:
        step = f"mail.{request.kind}.{request.asked_as or request.occurrence}" + (".pair" if copy_to_pair else "")
        letter = Letter(
            key=ledger_key(request.application_no, request.office_no, step),
            kind=request.kind,
            application_no=request.application_no,
            office_no=request.office_no,
        )
        write = partial(self._write, request=request, copy_to_pair=copy_to_pair)
        return await self._outbox.send(letter, write, also=partial(_audit, request, _COPY if copy_to_pair else ""))

    async def _write(self, session: DatabaseSession, *, request: SendMail, copy_to_pair: bool) -> WrittenMail:
        """Raise a final error for a mail that leads on in a case that was closed meanwhile."""
        if request.office_no is not None and request.kind in _LEADING_ON:
            await find_open_pair(session, request.application_no, request.office_no)
        return await self._texts.write(session, request=request, copy_to_pair=copy_to_pair)

    async def _pair_was_told(self, request: SendMail) -> bool:
        """Whether the pair's own Yayoi ID, which is not the applicant's address, has had the notice."""
        told = select(NoticeRow.recipient).where(
            NoticeRow.application_no == request.application_no,
            NoticeRow.office_no == request.office_no,
            NoticeRow.kind.in_(_NOTICES),
            NoticeRow.sent_at.is_not(None),
        )
        async with self._sessions() as session:
            recipients = set(await session.scalars(told))
            if not recipients:
                return False
            application = await session.get_one(ApplicationRow, request.application_no)
            transaction = StepTransaction.to_read(session, request.at, request.application_no, request.office_no)
            contract = await self._contracts.existing(transaction, ContractId(application.existing_contract_id))
        return bool(recipients - {contract and contract.mail_address})


def _audit(request: SendMail, to_whom: str, notice: NoticeRow) -> AuditRow:
    return AuditRow(
        happened_at=request.at,
        application_no=request.application_no,
        office_no=request.office_no,
        action=f"メールを送信した：{notice.subject}{to_whom}",
        by=SYSTEM,
        facts={"message_id": notice.message_id},
    )
