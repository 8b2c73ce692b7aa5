"""Pairs that wait for the holder of their contract (Y5a): how many applications, what is asked, and the answers."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, bindparam, exists, func, select, update

from models.common.calendar import utc_now
from models.common.journal import EndedKind
from models.common.store.audit import audit
from models.common.store.case_status import statuses_of_parts
from models.common.store.journalling import journal_end
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    ExistingContractRow,
    HolderConfirmationRow,
    HolderMailRow,
)
from models.yayoi.customers import holder
from models.yayoi.deadlines import MOST_UNCONFIRMED
from models.yayoi.holder_confirmation import ConfirmationOutcome, TooManyUnconfirmedError

ANSWERS = {
    ConfirmationOutcome.CONFIRMED: "契約者が申し込みを確認した",
    ConfirmationOutcome.REFUSED: "契約者が申し込みを終了した",
}
"""As the audit trail has them."""
LINKS_ENDED = "契約者のリンクを無効にした"
_BY_LINK = "ご契約のメールアドレスに届いたリンクからの操作"
_OF_APPLICATION = (
    select(HolderConfirmationRow)
    .where(HolderConfirmationRow.application_no == bindparam("application_no"))
    .order_by(HolderConfirmationRow.office_no)
)
_LOCKED_OF_APPLICATION = _OF_APPLICATION.with_for_update().execution_options(populate_existing=True)


def waiting_on(contract_id: str) -> tuple[ColumnElement[bool], ...]:
    """Return what is true of the rows of a contract's pairs that wait: unsettled, and not ended."""
    office, row = ApplicationOfficeRow, HolderConfirmationRow
    still_open = exists().where(
        office.application_no == row.application_no, office.office_no == row.office_no, office.closed_at.is_(None)
    )
    return row.existing_contract_id == contract_id, row.settled_at.is_(None), still_open


async def lock_contract(session: DatabaseSession, contract_id: str) -> None:
    """Let nobody else count or name what waits on the contract until the transaction ends."""
    await session.execute(select(ExistingContractRow.contract_id).filter_by(contract_id=contract_id).with_for_update())


async def refuse_one_too_many(session: DatabaseSession, contract_id: str) -> None:
    """Raise `TooManyUnconfirmedError` if no further application may wait on the contract."""
    applications = HolderConfirmationRow.application_no.distinct()
    waiting = select(func.count(applications)).where(*waiting_on(contract_id))
    if (await session.scalar(waiting) or 0) >= MOST_UNCONFIRMED:
        raise TooManyUnconfirmedError


def begin_waiting(
    session: DatabaseSession, application: ApplicationRow, offices: Iterable[ApplicationOfficeRow]
) -> None:
    """Let the application's pairs wait for the holder; their procedures find it when they start."""
    now = utc_now()
    session.add_all(
        HolderConfirmationRow(
            application_no=application.application_no,
            office_no=office.office_no,
            existing_contract_id=application.existing_contract_id,
            changed_at=now,
            notified_at=now,
        )
        for office in offices
    )


async def end_links_of_holder(session: DatabaseSession, contract_id: str) -> None:
    """End all links that the holder was mailed so far. A new mail is to name what waits, with new ones."""
    await lock_contract(session, contract_id)
    row, now = HolderMailRow, utc_now()
    still_open = (row.existing_contract_id == contract_id, row.ended_at.is_(None))
    last = await session.scalar(select(func.max(row.number)).where(*still_open))
    if last is None:
        return
    await session.execute(update(row).where(*still_open).values(ended_at=now))
    await journal_end(session, EndedKind.HOLDER_LINKS, contract_id, str(last))
    await name_anew(session, contract_id)


async def name_anew(session: DatabaseSession, contract_id: str) -> None:
    """Have the next mail to the holder name all that waits; the procedures are notified after the commit."""
    waiting = update(HolderConfirmationRow).where(*waiting_on(contract_id))
    await session.execute(waiting.values(named_in=None, changed_at=utc_now()))


async def links_are_ended(session: DatabaseSession, contract_id: str, number: int) -> bool:
    """Whether the links of the holder's mail with this number were ended."""
    mail = await session.get(HolderMailRow, (contract_id, number))
    return mail is not None and mail.ended_at is not None


def settle(row: HolderConfirmationRow, settlement: ConfirmationOutcome) -> None:
    """Settle it; its workflows are notified after the commit."""
    row.changed_at = row.settled_at = utc_now()
    row.settled_as = settlement


def ask_again(row: HolderConfirmationRow) -> None:
    """Have the next mail to the holder name the pair, whose Yayoi ID was corrected; a confirmation no longer counts."""
    row.asked_anew = row.asked_anew or row.settled_as is not None
    row.settled_at = row.settled_as = row.named_in = None


async def confirmations_of(
    session: DatabaseSession, application_no: str, *, lock: bool = False
) -> Mapping[int, HolderConfirmationRow]:
    """Return what is asked, or was, about the pairs of an application, by their numbers; none if nothing was needed.

    `lock`: all of them, in one order, so that of two who settle them at once the second finds what the first has done.
    """
    rows = _LOCKED_OF_APPLICATION if lock else _OF_APPLICATION
    found = await session.scalars(rows, {"application_no": application_no})
    return {row.office_no: row for row in found}


async def unconfirmed_parts(session: DatabaseSession, application_no: str) -> Mapping[int, bool]:
    """Return the pairs that wait for the holder, or have ended without their confirmation: whether asked anew."""
    found = await confirmations_of(session, application_no)
    return {part: row.asked_anew for part, row in found.items() if not is_allowed(row)}


async def is_unconfirmed(session: DatabaseSession, application_no: str, office_no: int | None = None) -> bool:
    """Whether a pair waits for the holder, or has ended without their confirmation; of the application, every one."""
    found = await confirmations_of(session, application_no)
    if office_no is not None:
        return office_no in found and not is_allowed(found[office_no])
    return bool(found) and not any(map(is_allowed, found.values()))


def is_allowed(row: HolderConfirmationRow) -> bool:
    """Whether an ID may be issued for the pair."""
    return row.settled_as is not None and ConfirmationOutcome(row.settled_as).allows


@dataclass(frozen=True)
class PairToConfirm:
    """One pair as a link in the holder's mail shows it."""

    office: ApplicationOfficeRow
    row: HolderConfirmationRow

    @property
    def waits(self) -> bool:
        return self.row.settled_as is None and self.office.closed_at is None

    @property
    def state(self) -> str:
        """What has become of it, in the holder's words."""
        if self.row.settled_as is None:
            return "確認待ち" if self.waits else "確認の前に終了"
        return "確認済み" if is_allowed(self.row) else "終了"


@dataclass(frozen=True)
class ToConfirm:
    """What a link in the holder's mail shows."""

    application: ApplicationRow
    pairs: Sequence[PairToConfirm]
    until: date
    """The last day on which an answer counts for all that waits: the first of its deadlines,"""
    last: date
    """and for any of it."""

    @property
    def waiting(self) -> Sequence[PairToConfirm]:
        return [pair for pair in self.pairs if pair.waits]

    @property
    def shown(self) -> Sequence[PairToConfirm]:
        """What is asked; once all is settled, every pair."""
        return self.waiting or self.pairs

    @property
    def asked_anew(self) -> bool:
        """Whether all that is asked was confirmed before, and corrected since."""
        return all(pair.row.asked_anew for pair in self.shown)

    @property
    def state(self) -> str | None:
        """What has become of all of it; None: not the same of every pair."""
        states = {pair.state for pair in self.shown}
        return states.pop() if len(states) == 1 else None

    @property
    def digest(self) -> str:
        """What is asked, in a form that a page can send back: nobody confirms what was changed since."""
        offices = [pair.office for pair in self.waiting]
        said = [(office.office_no, office.yayoi_id, office.office_token) for office in offices]
        return hashlib.sha256(repr(said).encode()).hexdigest()


async def to_confirm(session: DatabaseSession, application_no: str, *, lock: bool = False) -> ToConfirm | None:
    """Return what is asked about an application, or was; None if there is none, or it needed no confirmation."""
    rows = await confirmations_of(session, application_no, lock=lock)
    if not rows:
        return None
    offices = select(ApplicationOfficeRow).filter_by(application_no=application_no)
    found = await session.scalars(offices.order_by(ApplicationOfficeRow.office_no))
    application = await session.get_one(ApplicationRow, application_no)
    pairs = [PairToConfirm(office, rows[office.office_no]) for office in found]
    statuses = await statuses_of_parts(session, application_no)
    waiting = (statuses.get(pair.office.office_no) for pair in pairs if pair.waits)
    deadlines = [status.until for status in waiting if status and status.until] or [application.expires_on]
    return ToConfirm(application, pairs, min(deadlines), max(deadlines))


class HolderConfirmations:
    """Opens what is to be confirmed and takes the answers; `wake` has the procedures notified at once."""

    def __init__(self, sessions: DatabaseSessions, wake: Callable[[], None], now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._wake = wake
        self._now = now

    async def opened(self, application_no: str) -> ToConfirm | None:
        """Return what a link shows; None if there is no such application, or it needed no confirmation."""
        async with self._sessions() as session:
            return await to_confirm(session, application_no)

    async def links_are_ended(self, opened: ToConfirm, number: int) -> bool:
        """Whether the links of the mail with this number were ended."""
        async with self._sessions() as session:
            return await links_are_ended(session, opened.application.existing_contract_id, number)

    async def end_links(self, opened: ToConfirm, number: int) -> None:
        """End all links that the holder has, if that in the mail with this number is still one of them."""
        application = opened.application
        async with self._sessions.begin() as session:
            if await links_are_ended(session, application.existing_contract_id, number):
                return
            await end_links_of_holder(session, application.existing_contract_id)
            by = str(holder(application.application_no))
            audit(session, application.application_no, LINKS_ENDED, by=by, at=self._now(), reason=_BY_LINK, rule="Y5a")
        self._wake()

    async def answer(self, application_no: str, shown: str, settlement: ConfirmationOutcome) -> bool:
        """Take the holder's answer to what was shown; False if that has changed since. An answer stays the first."""
        async with self._sessions.begin() as session:
            opened = await to_confirm(session, application_no, lock=True)
            if opened is None or not opened.waiting:
                return True
            if settlement.allows and shown != opened.digest:
                return False
            for pair in opened.waiting:
                settle(pair.row, settlement)
            by = str(holder(application_no))
            audit(session, application_no, ANSWERS[settlement], by=by, at=self._now(), reason=_BY_LINK, rule="Y5a")
        self._wake()
        return True
