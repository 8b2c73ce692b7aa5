"""The registrations of MYICS in our own records: links, addresses, locks, and their end (M8)."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select, update
from temporalio import activity
from temporalio.exceptions import ApplicationError

from models.common.identifiers import MailAddress
from models.common.messages import CaseRef
from models.common.refusals import RefusedError
from models.common.store.audit import audit
from models.common.store.case_status import WHOLE
from models.common.store.ledger import Ledger, NoResult, StepTransaction
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.common.waiting_for import WaitingFor
from models.myics.accounts import AccountState
from models.myics.identifiers import RegistrationNo
from models.myics.registrations import (
    ClientUser,
    ClientUsers,
    ClosedRegistration,
    CloseRegistration,
    CorrectAddress,
    LinkMade,
    NewLink,
    RegistrationFound,
    RegistrationKind,
    RegistrationOutcome,
    RegistrationStage,
    Unlock,
)
from models.myics.store.requests import change_address
from models.tables import CaseStatusRow, MyicsAccountRow, MyicsRegistrationRow


class RegistrationActivities:
    """Changes a registration's row and its account, both held while they are changed.

    The registrant changes the same rows from the web: whoever comes second finds what the first has left.
    """

    def __init__(self, sessions: DatabaseSessions, ledger: Ledger) -> None:
        self._sessions = sessions
        self._ledger = ledger

    @activity.defn
    async def look_at_registration(self, registration: CaseRef) -> RegistrationFound:
        """Return what the registration's row says. Reads only."""
        async with self._sessions() as session:
            row = await session.get_one(MyicsRegistrationRow, registration.case_no)
            return RegistrationFound(
                stage=RegistrationStage(row.stage),
                locked=row.locked_at is not None,
                changed_at=row.changed_at,
                closed=row.closed_at is not None,
                corrections=row.corrections,
            )

    @activity.defn
    async def make_link(self, step: NewLink) -> LinkMade:
        """Let another link count from now on: the one before ends (M8). None is made if it was closed meanwhile."""

        async def make(transaction: StepTransaction) -> LinkMade:
            row = await _held(transaction.session, step)
            if row.closed_at:
                return LinkMade(link_no=row.link_no, closed=True)
            row.link_no += 1
            row.expires_on = step.expires_on
            transaction.audit("URL を用意した", link_no=row.link_no, expires_on=str(step.expires_on))
            return LinkMade(link_no=row.link_no)

        return await self._ledger.once(step, f"link.{step.mail}.{step.counted}", LinkMade, make)

    @activity.defn
    async def correct_address(self, step: CorrectAddress) -> None:
        """Send to another address from now on. Raises a final error if the address has an account already (M8)."""

        async def correct(transaction: StepTransaction) -> NoResult:
            row = await _held(transaction.session, step)
            # Another address of a registered account is not its own before it is confirmed.
            makes_account = RegistrationKind(row.kind).makes_account
            before, account = row.address, await _account(transaction.session, row) if makes_account else None
            try:
                await change_address(transaction.session, row, account, MailAddress(step.address), step.at)
            except RefusedError as refused:
                [taken] = refused.errors
                raise ApplicationError(
                    taken.message, {"field": "mail_address"}, type="AddressTaken", non_retryable=True
                ) from None
            transaction.audit("メールアドレスを訂正した", by=step.by, reason=step.reason, before=before)
            return NoResult()

        await self._ledger.once(step, f"address.{step.counted}", NoResult, correct)

    @activity.defn
    async def unlock(self, step: Unlock) -> None:
        """Let the registrant try the keyword again."""

        async def unlock(transaction: StepTransaction) -> NoResult:
            row = await _held(transaction.session, step)
            row.locked_at, row.wrong_keywords = None, 0
            transaction.audit("ロックを解除した", by=step.by, reason=step.reason)
            return NoResult()

        await self._ledger.once(step, f"unlock.{step.counted}", NoResult, unlock)

    @activity.defn
    async def close_registration(self, step: CloseRegistration) -> ClosedRegistration:
        """Close it and return its outcome; a registrant who finished just before stays registered.

        A client that is withdrawn takes with it those of its users who have not registered, started or not (M7).
        """

        async def close(transaction: StepTransaction) -> ClosedRegistration:
            row = await _held(transaction.session, step)
            if row.closed_at and row.outcome:  # with its client
                return ClosedRegistration(outcome=RegistrationOutcome(row.outcome))
            outcome = _reached(row) or step.outcome
            closed = [row]
            if row.kind == RegistrationKind.CLIENT and outcome is RegistrationOutcome.WITHDRAWN:
                closed += await _unregistered_users(transaction.session, row.registration_no)
            for each in closed:
                await _close(transaction.session, each, step, outcome)
            for user in closed[1:]:
                user.notified_at = user.changed_at  # one that was not started never will be
            await _write_outcome(transaction, [each.registration_no for each in closed], outcome)
            return ClosedRegistration(outcome=outcome)

        return await self._ledger.once(step, "close", ClosedRegistration, close)

    @activity.defn
    async def users_of_client(self, client: CaseRef) -> ClientUsers:
        """Return the registrations of a client's first users. Reads only."""
        part = MyicsRegistrationRow
        async with self._sessions() as session:
            rows = await session.execute(
                select(part.registration_no, part.outcome)
                .where(part.part_of == client.case_no)
                .order_by(part.registration_no)
            )
            return ClientUsers(
                users=tuple(
                    ClientUser(
                        registration_no=RegistrationNo(number),
                        outcome=RegistrationOutcome(outcome) if outcome else None,
                    )
                    for number, outcome in rows
                )
            )


_FREED = {
    RegistrationOutcome.EXPIRED: AccountState.EXPIRED,
    RegistrationOutcome.WITHDRAWN: AccountState.WITHDRAWN,
}
"""How an account ends with its registration; its address is free again."""


def _reached(row: MyicsRegistrationRow) -> RegistrationOutcome | None:
    """Return how it has ended by what was done on the pages; None: nothing there has ended it."""
    match row.kind, row.stage:
        case RegistrationKind.REPRESENTATIVE | RegistrationKind.USER, RegistrationStage.REGISTERED:
            return RegistrationOutcome.REGISTERED
        case RegistrationKind.RENEWAL, RegistrationStage.RENEWED:
            return RegistrationOutcome.RENEWED
        case RegistrationKind.ADDRESS, RegistrationStage.CHANGED:
            return RegistrationOutcome.CHANGED
        case RegistrationKind.RENEWAL | RegistrationKind.ADDRESS, RegistrationStage.SUPERSEDED:
            return RegistrationOutcome.SUPERSEDED
        case _:
            return None


async def _close(
    session: DatabaseSession, row: MyicsRegistrationRow, step: CloseRegistration, outcome: RegistrationOutcome
) -> None:
    row.closed_at, row.outcome = step.at, outcome
    if outcome is RegistrationOutcome.WITHDRAWN:
        row.text_for_customer = step.text_for_customer
    freed = outcome in _FREED and RegistrationKind(row.kind).makes_account
    if freed and (account := await _account(session, row)):
        account.state, account.ended_at = _FREED[outcome], step.at
    said: dict[str, Any] = {"by": step.by, "reason": step.reason, "act": step.act, "rule": "M8"}
    audit(session, row.registration_no, f"登録の手続きを終了した（{outcome}）", at=step.at, **said)


async def _write_outcome(transaction: StepTransaction, numbers: Collection[str], outcome: RegistrationOutcome) -> None:
    """Write how these ended into their status rows: the procedure of one that is not started never does."""
    await transaction.session.execute(
        update(CaseStatusRow)
        .where(CaseStatusRow.case_no.in_(numbers), CaseStatusRow.part == WHOLE)
        .values(
            version=CaseStatusRow.version + 1,
            changed_at=transaction.at,
            stage=RegistrationStage.CLOSED,
            since=transaction.at,
            waiting_for=WaitingFor.SYSTEM,
            until=None,
            outcome=outcome,
        )
    )


async def _unregistered_users(session: DatabaseSession, client: str) -> list[MyicsRegistrationRow]:
    part = MyicsRegistrationRow
    users = await session.scalars(
        select(part)
        .where(part.part_of == client, part.closed_at.is_(None))
        .order_by(part.registration_no)
        .with_for_update()
    )
    return [user for user in users if _reached(user) is None]


async def _held(session: DatabaseSession, ref: CaseRef) -> MyicsRegistrationRow:
    return await session.get_one(MyicsRegistrationRow, ref.case_no, with_for_update=True)


async def _account(session: DatabaseSession, row: MyicsRegistrationRow) -> MyicsAccountRow | None:
    if row.account_id is None:
        return None
    return await session.get_one(MyicsAccountRow, row.account_id, with_for_update=True)
