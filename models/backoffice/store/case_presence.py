"""Who has a page of a case open: kept for a moment, so that two do not do the same without knowing it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import CasePresenceRow, OperatorRow

EVERY = timedelta(seconds=30)
"""How often an open page says so."""
GONE_AFTER = timedelta(seconds=90)
"""Without a word for this long it is closed."""

_ROW = CasePresenceRow


class CasePresence:
    """Keeps who has which case open."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    async def enter(self, case_no: str, operator: OperatorRow, now: datetime) -> Sequence[str]:
        """Say that an operator has the case open, and return the names of the others who do."""
        async with self._sessions.begin() as session:
            await open_case(session, case_no, operator, now)
            return (await open_with(session, {case_no}, operator, now)).get(case_no, ())

    async def forget(self, now: datetime) -> None:
        """Delete those who are gone."""
        async with self._sessions.begin() as session:
            await session.execute(delete(_ROW).where(_ROW.seen_at <= now - GONE_AFTER))


async def open_case(session: DatabaseSession, case_no: str, operator: OperatorRow, now: datetime) -> None:
    """Note that an operator has a case open."""
    here = insert(_ROW).values(case_no=case_no, operator_id=operator.operator_id, seen_at=now)
    await session.execute(
        here.on_conflict_do_update(index_elements=[_ROW.case_no, _ROW.operator_id], set_={"seen_at": now})
    )


async def open_with(
    session: DatabaseSession, case_nos: Collection[str], but_not: OperatorRow, now: datetime
) -> Mapping[str, tuple[str, ...]]:
    """Return the names of those who have these cases open, other than one operator, by case."""
    found = (
        select(_ROW.case_no, OperatorRow.name)
        .join(OperatorRow, OperatorRow.operator_id == _ROW.operator_id)
        .where(_ROW.case_no.in_(case_nos), _ROW.seen_at > now - GONE_AFTER, _ROW.operator_id != but_not.operator_id)
        .order_by(OperatorRow.name)
    )
    names: dict[str, list[str]] = defaultdict(list)
    for case_no, name in await session.execute(found):
        names[case_no].append(name)
    return {case_no: tuple(each) for case_no, each in names.items()}
