"""The mails of a case (Y18): written from templates, sent once, each in the audit trail."""

from contextlib import suppress
from functools import partial

from sqlalchemy import select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.common.outbox import MailIdentity, NothingToSendError, Outbox, WrittenMail, mail_audit
from activities.yayoi.cases import find_notified_pair, find_open_pair
from activities.yayoi.mail_texts import MailTexts
from activities.yayoi.registry.protocols import Contracts
from models.common.bulk_updates import hand_over_key
from models.common.identifiers import ledger_key
from models.common.messages import SentMail
from models.common.store.ledger import StepTransaction
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ApplicationOfficeRow, ApplicationRow, NoticeRow
from models.yayoi.identifiers import ContractId
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome, SendMail
from models.yayoi.store.after_closing import pairs_after_closing
from models.yayoi.store.confirmations import is_unconfirmed, unconfirmed_parts
from models.yayoi.store.late_offices import NOTICES
from models.yayoi.store.moved_deadlines import plan_deadline_mail
from models.yayoi.store.open_parts import open_parts

_EARLY_EXITS = {MailKind.REJECTED, MailKind.WITHDRAWN, MailKind.CANCELLED, MailKind.EXPIRED, MailKind.TERMINATED}
_TOGETHER = {
    MailKind.CANCELLED: Outcome.CANCELLED,
    MailKind.EXPIRED: Outcome.EXPIRED,
    MailKind.TERMINATED: Outcome.TERMINATED,
}
"""Where several offices end in one moment, one mail to the applicant is about all of them (Y27)."""
_TO_PAIR = "（お知らせ済みの弥生ID へ）"
_OF_ALL_OFFICES = {MailKind.DELAY}
"""Whichever office sends it first, it is about all that are late: they share the due date (Y11, Y27)."""
_WHILE_OPEN = {
    MailKind.CORRECTION_NEEDED,
    MailKind.CORRECTION_REMINDER,
    MailKind.RELEASE_SHARING,
    MailKind.RELEASE_SHARING_REMINDER,
    MailKind.DEADLINE_EXTENDED,
    MailKind.DELAY,
}
"""What the customer is to do something about, or to expect: sent only while the case is open."""
_UNLESS_UNDONE = {*NOTICES, MailKind.FOLLOW_UP_REMINDER, MailKind.FOLLOW_UP_ENDED}
"""What the customer can still do after the case has closed (Y25): sent unless it was undone."""
_AFTER_RECEIPT = {*_WHILE_OPEN, *_UNLESS_UNDONE, *_EARLY_EXITS} - {MailKind.TERMINATED}
"""What follows the receipt. A case that was ended by hand may have ended before there was one."""


async def _refuse_if_over(session: DatabaseSession, request: SendMail) -> None:
    """Raise a final error for a mail that a case no longer sends since it was closed, or undone."""
    if request.part is not None and request.kind in _WHILE_OPEN:
        await find_open_pair(session, request.case_no, request.part)
    if request.part is not None and request.kind in _UNLESS_UNDONE:
        await find_notified_pair(session, request.case_no, request.part)


def _key(request: SendMail) -> str:
    if request.kind is MailKind.HANDED_OVER and (of_all := hand_over_key(request.kind, request.asked_as)):
        return of_all
    part = None if request.kind in _OF_ALL_OFFICES else request.part
    return ledger_key(request.case_no, part, f"mail.{request.kind}.{request.asked_as or request.occurrence}")


class MailActivities:
    """Sends one mail per application, office, kind and occurrence, and one more for each update that sends it again."""

    def __init__(self, sessions: DatabaseSessions, outbox: Outbox, texts: MailTexts, contracts: Contracts) -> None:
        self._sessions = sessions
        self._outbox = outbox
        self._texts = texts
        self._contracts = contracts

    @activity.defn
    async def send_mail(self, request: SendMail) -> SentMail:
        """Send the mail (Y18) unless it was sent before.

        A mail that an office's case has ended early goes also to the pair's own Yayoi ID if that was notified of a
        contract ID: whoever reads there would go on with it (Y27). With the closing mail of an application, the Yayoi
        IDs of pairs with something open get one of their own: they are the ones who can still do it (Y25). The receipt
        is sent before any mail about an office, whoever comes first once the mail server takes mails again (Y18).

        Of the offices that are cancelled, expire or are undone together, one mail to the applicant is about all (Y27);
        so is one of all deadlines that are moved together.
        """
        if request.part is not None and request.kind in _AFTER_RECEIPT:
            await self._send_receipt_before(request)
        if not request.kind.for_operators:
            await self._mail_ends_left(request)
        try:
            sent = await self._send_once_for_all(request)
        except ApplicationError:  # refused for good: the pair may be the only one who can be notified
            await self._notify_pair(request)
            raise
        await self._notify_pair(request)
        return sent

    async def _send_receipt_before(self, request: SendMail) -> None:
        """Send the application's receipt unless it was sent, or refused for good."""
        receipt = SendMail(case_no=request.case_no, kind=MailKind.RECEIPT, at=request.at)
        async with self._sessions() as session:
            await _refuse_if_over(session, request)
            notice = await session.get(NoticeRow, _key(receipt))
        if notice is None or not (notice.sent_at or notice.refused_because):
            with suppress(ApplicationError):  # refused for good: the application shows it
                await self._send(receipt)

    async def _mail_ends_left(self, request: SendMail) -> None:
        """Send what an office has left to others of which none has ended as it did after all."""
        office = ApplicationOfficeRow
        unmailed = select(office).where(
            office.application_no == request.case_no,
            office.outcome.in_(_TOGETHER.values()),
            office.closings > 0,
            office.end_mailed_as.is_(None),
            office.office_no != (request.part or 0),
        )
        async with self._sessions() as session:
            left = {Outcome(each.outcome): each for each in await session.scalars(unmailed) if each.outcome}
        for kind, outcome in _TOGETHER.items():
            if other := left.get(outcome):
                mail = SendMail(case_no=request.case_no, part=other.office_no, kind=kind, at=request.at)
                with suppress(ApplicationError):  # refused for good: the report of the other office says so
                    await self._send_once_for_all(mail)

    async def _send_once_for_all(self, request: SendMail) -> SentMail:
        """Send it, unless it is one about several offices, and another office's mail is about this one, too."""
        key = _key(request)
        moved = request.kind is MailKind.DEADLINE_EXTENDED and not request.again
        if not moved and request.kind not in _TOGETHER:
            return await self._send(request)
        async with self._sessions.begin() as session:
            if moved:
                mailed_as = await plan_deadline_mail(session, request.case_no, request.part or 0, key)
            else:
                mailed_as = await self._plan_end(session, request)
        return await self._send(request) if mailed_as == key else SentMail(message_id=None)

    @staticmethod
    async def _plan_end(session: DatabaseSession, request: SendMail) -> str | None:
        """Return which mail is about the office's end; None: it is left to one that is about to end the same way."""
        await session.get_one(ApplicationRow, request.case_no, with_for_update=True)
        pairs = select(ApplicationOfficeRow).filter_by(application_no=request.case_no)
        outcome, silent = _TOGETHER[request.kind], await unconfirmed_parts(session, request.case_no)
        offices = {each.office_no: each for each in await session.scalars(pairs) if each.office_no not in silent}
        own = offices.get(request.part or 0)
        if own is None:
            return None
        if own.end_mailed_as:
            return own.end_mailed_as
        ending = (await open_parts(session, request.case_no, request.at)).ending_as(outcome)
        if ending & offices.keys() - {own.office_no}:
            return None
        for each in offices.values():
            if each is own or (each.outcome == outcome and each.end_mailed_as is None):
                each.end_mailed_as = _key(request)
        return own.end_mailed_as

    async def _notify_pair(self, request: SendMail) -> None:
        if request.kind in _EARLY_EXITS and await self._pair_was_notified(request):
            await self._send(request, copy_to_pair=True)
        if request.kind is MailKind.FINISHED:
            for mail in await self._to_pairs_with_something_open(request):
                with suppress(ApplicationError):  # refused for good: the applicant has the closing mail
                    await self._send(mail)

    async def _send(self, request: SendMail, *, copy_to_pair: bool = False) -> SentMail:
        mail = MailIdentity(
            key=_key(request) + (".pair" if copy_to_pair else ""),
            kind=request.kind,
            case_no=request.case_no,
            part=request.part,
            is_asked_for=request.kind is MailKind.CASE_LINK,
        )
        write = partial(self._write, request=request, copy_to_pair=copy_to_pair)
        audited = partial(mail_audit, at=request.at, to=_TO_PAIR if copy_to_pair else "")
        return await self._outbox.send(mail, write, audited=audited)

    async def _write(self, session: DatabaseSession, *, request: SendMail, copy_to_pair: bool) -> WrittenMail:
        """Raise a final error for a mail that is over.

        What the contract's holder has not confirmed may be anybody's: of it they get no mail but the one that asks them
        (Y5a), and nobody else gets any. Raises `NothingToSendError`.
        """
        if not request.kind.for_operators and await is_unconfirmed(session, request.case_no, request.part):
            raise NothingToSendError
        await _refuse_if_over(session, request)
        parts = None
        if request.kind in _TOGETHER and not copy_to_pair:
            pairs = select(ApplicationOfficeRow).filter_by(application_no=request.case_no)
            offices = (await session.scalars(pairs.order_by(ApplicationOfficeRow.office_no))).all()
            parts = [each.office_no for each in offices if each.end_mailed_as == _key(request)]
            over = all(each.closings for each in offices)
            request = request.model_copy(update={"ends_application": over})
        return await self._texts.write(session, request=request, copy_to_pair=copy_to_pair, ended=parts)

    async def _to_pairs_with_something_open(self, request: SendMail) -> list[SendMail]:
        """Return a mail for each pair that was closed with something open, unless its address gets the closing mail."""
        async with self._sessions() as session:
            pairs = await pairs_after_closing(session, request.case_no)
            applicant = await self._applicant(session, request)
        return [
            SendMail(
                case_no=request.case_no,
                part=office.office_no,
                at=request.at,
                kind=MailKind.FOLLOW_UP_ENDED,
                points=tuple(status.points),
                until=status.until,
            )
            for office, status in pairs
            if office.yayoi_id != applicant
        ]

    async def _pair_was_notified(self, request: SendMail) -> bool:
        """Whether the pair's own Yayoi ID, which is not the applicant's address, has had the notice."""
        notices = select(NoticeRow.recipient).where(
            NoticeRow.case_no == request.case_no,
            NoticeRow.part == request.part,
            NoticeRow.kind.in_(NOTICES),
            NoticeRow.sent_at.is_not(None),
        )
        async with self._sessions() as session:
            recipients = set(await session.scalars(notices))
            if not recipients:
                return False
            return bool(recipients - {await self._applicant(session, request)})

    async def _applicant(self, session: DatabaseSession, request: SendMail) -> str | None:
        """Return the address of the existing contract, to which the applicant's mails go."""
        application = await session.get_one(ApplicationRow, request.case_no)
        transaction = StepTransaction.to_read(session, request.at, request.case_no, request.part)
        contract = await self._contracts.existing(transaction, ContractId(application.existing_contract_id))
        return contract.mail_address if contract else None
