"""Whether sharing with an accounting office that ended for a procedure was set up again (Y21)."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from models.common.store.audit import audit
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import SharingAgainRow, SharingRow
from models.yayoi.customer_events import ON_A_PAGE
from models.yayoi.customers import signed_in
from models.yayoi.store.credentials import person_number
from models.yayoi.store.pair_status import PairStatus


@dataclass(frozen=True)
class FormerSharing:
    """One accounting office that sharing ended with for a procedure."""

    firm: str
    answered: bool
    """Whether the customer has said what became of it."""
    shared_on: date | None


async def ended_sharings(sessions: DatabaseSessions, pair: PairStatus) -> list[FormerSharing]:
    """Return with whom the office was shared until this procedure (Y13), and what the customer has said of it since."""
    async with sessions() as session:
        return await _ended(session, pair)


async def _ended(session: DatabaseSession, pair: PairStatus) -> list[FormerSharing]:
    if pair.office_token is None:
        return []
    rows = await session.execute(
        select(SharingRow.firm, SharingAgainRow.answered_at, SharingAgainRow.shared_on)
        .outerjoin(
            SharingAgainRow,
            (SharingAgainRow.application_no == pair.application_no)
            & (SharingAgainRow.office_no == pair.office_no)
            & (SharingAgainRow.firm == SharingRow.firm),
        )
        .where(
            SharingRow.office_token == pair.office_token,
            SharingRow.ended_for == f"{pair.application_no}:{pair.office_no}",
        )
        .order_by(SharingRow.sharing_id)
    )
    return [FormerSharing(firm, answered_at is not None, shared_on) for firm, answered_at, shared_on in rows]


async def note_sharing(
    session: DatabaseSession, pair: PairStatus, firm: str, shared_on: date | None, at: datetime
) -> None:
    """Note on which day sharing was set up again, or None if it is no longer wanted; a later answer replaces it.

    A firm that the office was not shared with is skipped.
    """
    if firm not in {sharing.firm for sharing in await _ended(session, pair)}:
        return
    key = {"application_no": pair.application_no, "office_no": pair.office_no, "firm": firm}
    await session.execute(
        insert(SharingAgainRow)
        .values(**key, shared_on=shared_on, answered_at=at)
        .on_conflict_do_update(index_elements=list(key), set_={"shared_on": shared_on, "answered_at": at})
    )
    audit(
        session,
        pair.application_no,
        "会計事務所と改めて共有したことを記録した" if shared_on else "会計事務所との共有がもう必要ないことを記録した",
        by=str(signed_in(await person_number(session, pair.yayoi_id))),
        at=at,
        part=pair.office_no,
        reason=ON_A_PAGE,
        firm=firm,
    )
