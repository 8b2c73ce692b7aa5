"""Smart import in our own Postgres, the default: how it is frozen, and the import itself that a freeze refuses (Y12).

Where another system is behind `activities.yayoi.registry.protocols.SmartImport`, imports run there and these tables
stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, case, exists, select, update

from models.common.calendar import day_in_japan
from models.common.store.ledger import StepTransaction, key_of
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ApplicationOfficeRow, LedgerRow, OfficeRow, ServiceLinkRow, SmartImportRunRow
from models.yayoi.identifiers import OfficeToken

FREEZE, THAW = "freeze", "thaw"
"""The steps' names in the ledger."""
FROZEN, THAWED = "スマート取引取込を凍結した", "スマート取引取込の凍結を解除した"
"""What the audit trail says of them."""


class FrozenByAnotherError(Exception):
    """The office is frozen for another pair. The step is tried again until that pair thaws it."""

    def __init__(self, pair: str | None) -> None:
        super().__init__(f"スマート取引取込は別の手続き（{pair}）で凍結中です。")


class PostgresSmartImport:
    """Freezing and thawing, each within the transaction of a step."""

    async def freeze(self, transaction: StepTransaction, office: OfficeToken) -> None:
        """Freeze the office for the transaction's pair. Raises `FrozenByAnotherError`."""
        # The row lock orders this against an import that is running: it ends first, or is refused.
        row = await transaction.session.get_one(OfficeRow, office, with_for_update=True)
        if row.frozen_by not in {None, transaction.pair}:
            raise FrozenByAnotherError(row.frozen_by)
        row.frozen_by, row.frozen_at = transaction.pair, transaction.at

    async def thaw(self, transaction: StepTransaction, office: OfficeToken) -> None:
        await transaction.session.execute(
            update(OfficeRow)
            .where(OfficeRow.office_token == office, OfficeRow.frozen_by == transaction.pair)
            .values(frozen_by=None, frozen_at=None)
        )

    async def frozen(self, transaction: StepTransaction) -> Mapping[OfficeToken, str]:
        rows = await transaction.session.execute(
            select(OfficeRow.office_token, OfficeRow.frozen_by)
            .where(OfficeRow.frozen_by.is_not(None))
            .order_by(OfficeRow.office_token)
        )
        return {OfficeToken(token): str(pair) for token, pair in rows}


async def freeze_offices(
    session: DatabaseSession, pairs: Mapping[OfficeToken, str], at: datetime
) -> Sequence[OfficeToken]:
    """Freeze each office for the pair that it is given with, unless something else has; return which were frozen.

    Nobody else freezes them meanwhile: each token is held by its pair already.
    """
    if not pairs:
        return ()
    # The row locks order this against imports that are running: they end first, or are refused.
    frozen = await session.scalars(
        update(OfficeRow)
        .where(OfficeRow.office_token.in_(pairs), OfficeRow.frozen_by.is_(None))
        .values(frozen_by=case(dict(pairs), value=OfficeRow.office_token), frozen_at=at)
        .returning(OfficeRow.office_token)
    )
    return [OfficeToken(token) for token in frozen]


async def stopped_offices(session: DatabaseSession, application_no: str) -> frozenset[int]:
    """Return the offices of an application whose smart import is stopped now, by their numbers: what texts may say.

    By our own records, whatever system smart import is: frozen for the token that the pair holds, and not thawed.
    """
    pair, ledger = ApplicationOfficeRow, LedgerRow

    def taken(step: str) -> ColumnElement[bool]:
        return exists().where(ledger.key == key_of(pair.application_no, pair.office_no, step))

    stopped = select(pair.office_no).where(
        pair.application_no == application_no, pair.holds_token, taken(FREEZE), ~taken(THAW)
    )
    return frozenset(await session.scalars(stopped))


@dataclass(frozen=True)
class ImportRun:
    """The result of one try to import."""

    refused_because: str | None


class SmartImportRuns:
    """スマート取引取込 itself: brings every open link of an office up to a day."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    async def run(self, office: OfficeToken, now: datetime, up_to: date | None = None) -> ImportRun:
        """Import, or refuse while the office is frozen; recorded either way, never half done (Y12).

        Raises `LookupError`, in Japanese, for an unknown office.
        """
        async with self._sessions.begin() as session:
            row = await session.get(OfficeRow, office, with_for_update=True)
            if row is None:
                raise LookupError(f"事業所トークン {office} の事業所データはありません。")
            refused = (
                f"申込 {row.frozen_by} の手続き中のため、完了のお知らせが届くまでスマート取引取込は利用できません。"
                if row.frozen_by
                else None
            )
            session.add(SmartImportRunRow(office_token=office, refused_because=refused))
            if refused is None:
                await session.execute(
                    update(ServiceLinkRow)
                    .where(ServiceLinkRow.office_token == office, ServiceLinkRow.lost_at.is_(None))
                    .values(last_imported_on=up_to or day_in_japan(now))
                )
        return ImportRun(refused)
