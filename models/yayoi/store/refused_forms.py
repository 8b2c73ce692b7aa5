"""What operators do with forms that could not be taken: they correct what is wrong, or end them.

The desk keeps what they want; the customers' web, whose role may store applications, takes the form.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from models.common.store.audit import audit
from models.common.store.sessions import DatabaseSessions
from models.tables import RefusedFormRow
from models.yayoi.identifiers import ApplicationNo

MOST_LISTED = 100
_ROW = RefusedFormRow
_WAITS = _ROW.settled_at.is_(None)


class SettledError(Exception):
    """The form was corrected or discarded before."""


@dataclass(frozen=True)
class Settlement:
    """Who settles a kept form, and why."""

    by: str
    reason: str


class RefusedForms:
    """Reads the forms that wait, and keeps what operators want done with them."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    async def waiting(self) -> int:
        """Return how many wait for an operator."""
        async with self._sessions() as session:
            return await session.scalar(select(func.count()).where(_WAITS)) or 0

    async def listed(self) -> Sequence[RefusedFormRow]:
        """Return those that wait, the oldest first."""
        async with self._sessions() as session:
            rows = select(_ROW).where(_WAITS).order_by(_ROW.form_no).limit(MOST_LISTED)
            return (await session.scalars(rows)).all()

    async def find(self, form_no: int) -> RefusedFormRow | None:
        async with self._sessions() as session:
            return await session.get(_ROW, form_no)

    async def ask(self, form_no: int, corrections: Mapping[str, str], settlement: Settlement, at: datetime) -> None:
        """Have it taken with these values in the place of what was sent. Raises `SettledError`."""
        asked = update(_ROW).where(_ROW.form_no == form_no, _WAITS)
        said = {"corrections": dict(corrections), "settled_by": settlement.by, "reason": settlement.reason}
        async with self._sessions.begin() as session:
            if await session.scalar(asked.values(asked_at=at, **said).returning(_ROW.form_no)) is None:
                raise SettledError

    async def discard(self, form_no: int, settlement: Settlement, at: datetime) -> None:
        """End it without an application. Raises `SettledError`, and `NoResultFound` if there is none."""
        await settle(self._sessions, form_no, settlement, None, at)

    async def asked_for(self) -> Sequence[RefusedFormRow]:
        """Return those that operators want taken, in the order in which they asked."""
        asked = select(_ROW).where(_WAITS, _ROW.asked_at.is_not(None)).order_by(_ROW.asked_at)
        async with self._sessions() as session:
            return (await session.scalars(asked)).all()

    async def refuse_again(self, form: RefusedFormRow, errors: Mapping[str, str]) -> None:
        """Keep what is still wrong, unless it was settled, or asked for anew, meanwhile."""
        same = update(_ROW).where(_ROW.form_no == form.form_no, _WAITS, _ROW.asked_at == form.asked_at)
        async with self._sessions.begin() as session:
            await session.execute(same.values(errors=dict(errors), asked_at=None))


async def settle(
    sessions: DatabaseSessions,
    form_no: int,
    settlement: Settlement,
    application_no: ApplicationNo | None,
    at: datetime,
) -> None:
    """Note what has become of a form, and forget what it said. Raises `SettledError` if that was noted before."""
    async with sessions.begin() as session:
        row = await session.get_one(_ROW, form_no, with_for_update=True)
        if row.settled_at:
            raise SettledError
        row.settled_at = at
        row.settled_by, row.reason, row.application_no = settlement.by, settlement.reason, application_no
        if application_no:
            audit(
                session,
                application_no,
                "受け付けられなかったフォームを直して受け付けた",
                by=settlement.by,
                at=at,
                reason=settlement.reason,
                form_no=form_no,
            )
        row.body, row.corrections = "", {}  # the application holds it now, or nobody needs it
