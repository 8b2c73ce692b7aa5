"""Asking a contract's holder to confirm applications, and recording what they answer an operator (Y5a)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from jinja2 import Environment
from sqlalchemy import select, update
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.common.outbox import MailIdentity, NothingToSendError, Outbox, WrittenMail, mail_audit
from activities.yayoi.registry.protocols import Contracts
from models.common.calendar import JST, day_in_japan, end_of
from models.common.personal_links import PersonalLink, PersonalLinkKind
from models.common.secret_keys import SecretKeys
from models.common.store.ledger import Ledger, NoResult, StepTransaction
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ApplicationRow, HolderConfirmationRow, HolderMailRow, NoticeRow
from models.yayoi.deadlines import HOLDER_LINK_DAYS, HOLDER_MAIL_EVERY, HOLDER_MAIL_HOURS
from models.yayoi.holder_confirmation import (
    ANSWERED_ALREADY,
    AskHolder,
    ConfirmationOutcome,
    HolderAsked,
    RecordHolderAnswer,
)
from models.yayoi.identifiers import ContractId
from models.yayoi.mails import MailKind
from models.yayoi.personal_links import YayoiLinkKind
from models.yayoi.procedures import Procedure
from models.yayoi.store.confirmations import (
    ANSWERS,
    PairToConfirm,
    confirmations_of,
    lock_contract,
    settle,
    to_confirm,
    waiting_on,
)

_KIND = MailKind.CONFIRM_APPLICATIONS


@dataclass(frozen=True)
class HolderMail:
    """One mail to a contract's holder: the n-th about this contract."""

    contract_id: str
    number: int
    planned_at: datetime

    @property
    def key(self) -> str:
        return f"holder:{self.contract_id}:{self.number}"


@dataclass(frozen=True)
class NamedApplication:
    """An application as the mail names it, with the links to confirm and to end it."""

    application: ApplicationRow
    applied_on: date
    procedure: Procedure
    pairs: Sequence[PairToConfirm]
    asked_anew: bool
    until: date
    """The last day on which an answer counts for all that waits,"""
    last: date
    """and for any of it."""
    confirm_url: str
    end_url: str


class HolderConfirmationActivities:
    """Mails a contract's holder, at most once an hour: the mail names all that waits on the contract."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        ledger: Ledger,
        outbox: Outbox,
        contracts: Contracts,
        templates: Environment,
        *,
        secret_keys: SecretKeys,
        public_url: str,
    ) -> None:
        self._sessions = sessions
        self._ledger = ledger
        self._outbox = outbox
        self._contracts = contracts
        self._secret_keys = secret_keys
        self._public_url = public_url.rstrip("/")
        self._template = templates.get_template(f"{_KIND}.md")

    @activity.defn
    async def ask_holder(self, step: AskHolder) -> HolderAsked:
        """Have the holder mailed what waits, this pair among it, unless that was done within the hour.

        What came after such a mail waits until the next one may be sent: `not_before` says when.
        """
        async with self._sessions.begin() as session:
            planned = await self._plan(session, step)
        if not isinstance(planned, HolderMail):
            return planned
        identity, write = MailIdentity(key=planned.key, kind=_KIND), partial(self._write, mail=planned)
        sent = await self._outbox.send(identity, write, audited=partial(mail_audit, at=step.at))
        return HolderAsked(message_id=sent.message_id)

    async def _plan(self, session: DatabaseSession, step: AskHolder) -> HolderMail | HolderAsked:
        """Return the mail that names the pair, with all that waits now if it is a new one."""
        contract_id = (await session.get_one(ApplicationRow, step.case_no)).existing_contract_id
        await lock_contract(session, contract_id)
        own = (await confirmations_of(session, step.case_no))[step.part or 0]
        if own.settled_as is not None:
            return HolderAsked(message_id=None)
        rows = select(HolderMailRow).filter_by(existing_contract_id=contract_id)
        last = await session.scalar(rows.order_by(HolderMailRow.number.desc()).limit(1))
        is_sent = last is not None and await _is_sent(session, _mail(last))
        if last is not None and is_sent and own.named_in == last.number and _is_since(last.planned_at, step):
            return HolderAsked(message_id=None)
        if last is not None and step.at < last.planned_at + HOLDER_MAIL_EVERY:
            again = step.asked_as not in (None, last.asked_as)
            if own.named_in != last.number or (again and is_sent):
                return HolderAsked(message_id=None, not_before=last.planned_at + HOLDER_MAIL_EVERY)
            last.asked_as = step.asked_as or last.asked_as
            return _mail(last)
        if last is None or is_sent or last.ended_at is not None:
            last = HolderMailRow(existing_contract_id=contract_id, number=last.number + 1 if last else 1)
            session.add(last)
        # One that could not be sent for an hour names what has come since, too.
        last.planned_at, last.asked_as = step.at, step.asked_as
        waiting = update(HolderConfirmationRow).where(*waiting_on(contract_id))
        await session.execute(waiting.values(named_in=last.number))
        return _mail(last)

    async def _write(self, session: DatabaseSession, *, mail: HolderMail) -> WrittenMail:
        row = HolderConfirmationRow
        waiting = select(row.application_no).where(*waiting_on(mail.contract_id), row.named_in == mail.number)
        numbers = (await session.scalars(waiting.distinct().order_by(row.application_no))).all()
        if not numbers:
            raise NothingToSendError
        reading = StepTransaction.to_read(session, mail.planned_at)
        contract = await self._contracts.existing(reading, ContractId(mail.contract_id))
        if contract is None:
            raise LookupError(f"the registry no longer knows the contract {mail.contract_id}")
        body = self._template.render(
            contract=contract,
            contract_id=mail.contract_id,
            mail_hours=HOLDER_MAIL_HOURS,
            applications=[await self._named(session, mail, number) for number in numbers],
            apply_url=self._link(mail, YayoiLinkKind.HOLDER_APPLIES, mail.contract_id, "/apply?holder="),
        )
        return WrittenMail(contract.mail_address, _KIND.subject, body, tuple(numbers))

    async def _named(self, session: DatabaseSession, mail: HolderMail, number: str) -> NamedApplication:
        opened = await to_confirm(session, number)
        if opened is None:
            raise LookupError(f"nothing of {number} waits for its holder")
        application = opened.application
        return NamedApplication(
            application,
            day_in_japan(application.applied_at),
            Procedure(application.procedure),
            opened.waiting,
            opened.asked_anew,
            opened.until,
            opened.last,
            self._link(mail, YayoiLinkKind.HOLDER_CONFIRMS, number, "/holder/confirm?link=", opened.last),
            self._link(mail, YayoiLinkKind.HOLDER_ENDS, number, "/holder/end?link=", opened.last),
        )

    def _link(
        self, mail: HolderMail, kind: PersonalLinkKind, what: str, path: str, counts_until: date | None = None
    ) -> str:
        """`counts_until`: the last day on which what is done by it counts; the link opens at least as long."""
        usual = mail.planned_at + timedelta(days=HOLDER_LINK_DAYS)
        last = max(usual, end_of(counts_until)) if counts_until else usual
        expires_at = last.astimezone(JST).replace(microsecond=0)
        return f"{self._public_url}{path}{PersonalLink(kind, what, mail.number, expires_at).token(self._secret_keys)}"

    @activity.defn
    async def record_holder_answer(self, step: RecordHolderAnswer) -> None:
        """Record what the holder has answered to an operator, of all pairs of the application that wait.

        Raises a final error if an answer was recorded before.
        """

        async def record(transaction: StepTransaction) -> NoResult:
            opened = await to_confirm(transaction.session, step.case_no, lock=True)
            waiting = opened.waiting if opened else []
            if step.part not in {pair.office.office_no for pair in waiting}:
                raise ApplicationError(ANSWERED_ALREADY, type="AnsweredAlready", non_retryable=True)
            settlement = ConfirmationOutcome.CONFIRMED if step.confirmed else ConfirmationOutcome.REFUSED
            for pair in waiting:
                settle(pair.row, settlement)
            transaction.audit(ANSWERS[settlement], by=step.by, reason=step.reason, rule="Y5a")
            return NoResult()

        await self._ledger.once(step, f"holder_answer.{step.counted}", NoResult, record)


def _is_since(planned_at: datetime, step: AskHolder) -> bool:
    return step.unless_since is not None and planned_at >= step.unless_since


def _mail(row: HolderMailRow) -> HolderMail:
    return HolderMail(row.existing_contract_id, row.number, row.planned_at)


async def _is_sent(session: DatabaseSession, mail: HolderMail) -> bool:
    notice = await session.get(NoticeRow, mail.key)
    return notice is not None and notice.sent_at is not None
