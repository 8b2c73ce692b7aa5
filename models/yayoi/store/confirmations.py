"""Applications that wait for the holder of their contract (Y5a): how many, what is asked, and the answers."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select

from models.common.calendar import utc_now
from models.common.store.audit import audit
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ApplicationOfficeRow, ApplicationRow, ExistingContractRow, HolderConfirmationRow
from models.yayoi.deadlines import MOST_UNCONFIRMED
from models.yayoi.holder_confirmation import ConfirmationOutcome, TooManyUnconfirmedError

ANSWERS = {
    ConfirmationOutcome.CONFIRMED: "契約者が申し込みを確認した",
    ConfirmationOutcome.REFUSED: "契約者が申し込みを終了した",
}
"""As the audit trail has them."""
HOLDER, _BY_LINK = "契約者", "ご契約のメールアドレスに届いたリンクからの操作"


def waiting_on(contract_id: str) -> tuple[ColumnElement[bool], ...]:
    """Return what is true of the rows of a contract's applications that wait: unsettled, and not all ended."""
    office, row = ApplicationOfficeRow, HolderConfirmationRow
    still_open = exists().where(office.application_no == row.application_no, office.closed_at.is_(None))
    return row.existing_contract_id == contract_id, row.settled_at.is_(None), still_open


async def lock_contract(session: DatabaseSession, contract_id: str) -> None:
    """Let nobody else count or name what waits on the contract until the transaction ends."""
    await session.execute(select(ExistingContractRow.contract_id).filter_by(contract_id=contract_id).with_for_update())


async def refuse_one_too_many(session: DatabaseSession, contract_id: str) -> None:
    """Raise `TooManyUnconfirmedError` if no further application may wait on the contract."""
    row = HolderConfirmationRow
    waiting = select(func.count()).select_from(row).where(*waiting_on(contract_id))
    if (await session.scalar(waiting) or 0) >= MOST_UNCONFIRMED:
        raise TooManyUnconfirmedError


def begin_waiting(session: DatabaseSession, application: ApplicationRow) -> None:
    """Let the application wait for the holder; its procedure finds it when it starts."""
    now = utc_now()
    session.add(
        HolderConfirmationRow(
            application_no=application.application_no,
            existing_contract_id=application.existing_contract_id,
            changed_at=now,
            notified_at=now,
        )
    )


def settle(row: HolderConfirmationRow, settlement: ConfirmationOutcome | None) -> None:
    """Settle it, or (None) let it wait anew; its workflows are notified after the commit."""
    row.changed_at = utc_now()
    row.settled_at = row.changed_at if settlement else None
    row.settled_as = settlement
    if settlement is None:
        row.named_in = None


async def is_unconfirmed(session: DatabaseSession, application_no: str) -> bool:
    """Whether the application waits for the holder, or has ended without their confirmation."""
    row = await session.get(HolderConfirmationRow, application_no)
    return row is not None and not is_allowed(row)


def is_allowed(row: HolderConfirmationRow) -> bool:
    """Whether an ID may be issued for the application."""
    return row.settled_as is not None and ConfirmationOutcome(row.settled_as).allows


@dataclass(frozen=True)
class ToConfirm:
    """What a link in the holder's mail shows."""

    application: ApplicationRow
    offices: Sequence[ApplicationOfficeRow]
    settlement: ConfirmationOutcome | None
    """What was answered, or found; None: nothing yet."""

    @property
    def waits(self) -> bool:
        return self.settlement is None and not self.ended

    @property
    def ended(self) -> bool:
        """Whether it has ended without an answer: withdrawn, cancelled or expired."""
        return self.settlement is None and all(office.closed_at is not None for office in self.offices)

    @property
    def digest(self) -> str:
        """What is shown, in a form that a page can send back: nobody confirms what was changed since."""
        said = [(office.office_no, office.yayoi_id, office.office_token) for office in self.offices]
        return hashlib.sha256(repr(said).encode()).hexdigest()


class HolderConfirmations:
    """Opens what is to be confirmed and takes the answers; `wake` has the procedures notified at once."""

    def __init__(self, sessions: DatabaseSessions, wake: Callable[[], None], now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._wake = wake
        self._now = now

    async def opened(self, application_no: str) -> ToConfirm | None:
        """Return what a link shows; None if there is no such application, or it needed no confirmation."""
        async with self._sessions() as session:
            row = await session.get(HolderConfirmationRow, application_no)
            return await _opened(session, row) if row else None

    async def answer(self, application_no: str, shown: str, settlement: ConfirmationOutcome) -> bool:
        """Take the holder's answer to what was shown; False if that has changed since. An answer stays the first."""
        async with self._sessions.begin() as session:
            row = await session.get_one(HolderConfirmationRow, application_no, with_for_update=True)
            opened = await _opened(session, row)
            if not opened.waits:
                return True
            if settlement.allows and shown != opened.digest:
                return False
            settle(row, settlement)
            audit(session, application_no, ANSWERS[settlement], by=HOLDER, at=self._now(), reason=_BY_LINK)
        self._wake()
        return True


async def _opened(session: DatabaseSession, row: HolderConfirmationRow) -> ToConfirm:
    offices = select(ApplicationOfficeRow).filter_by(application_no=row.application_no)
    return ToConfirm(
        await session.get_one(ApplicationRow, row.application_no),
        (await session.scalars(offices.order_by(ApplicationOfficeRow.office_no))).all(),
        ConfirmationOutcome(row.settled_as) if row.settled_as else None,
    )
