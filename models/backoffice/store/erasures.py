"""Requests to erase a person: asking, answering, and what became of them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from models.backoffice.erasing_persons import (
    ALREADY_ANSWERED,
    NOBODY_FOUND,
    NOT_LOOKED_YET,
    NOT_YET,
    OWN_REQUEST,
    ErasureStep,
    FoundPerson,
)
from models.common.calendar import utc_now
from models.common.store.operators import audit_operator
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ErasureRequestRow


class ErasureRefusedError(Exception):
    """It cannot be answered so; the text says why, in Japanese."""


@dataclass(frozen=True)
class ErasureRequests:
    """Takes requests and their answers. `wake`: called when there is something to begin."""

    sessions: DatabaseSessions
    wake: Callable[[], None]
    now: Callable[[], datetime] = utc_now

    async def ask(self, request_id: UUID, addresses: Collection[str], handle: str) -> None:
        """Store a request; the same again changes nothing."""
        async with self.sessions.begin() as session:
            if await session.get(ErasureRequestRow, request_id):
                return
            row = ErasureRequestRow(request_id=request_id, whom=sorted(addresses), asked_by=handle, asked_at=self.now())
            session.add(row)
            audit_operator(session, handle, "erasure_asked", by=handle, at=row.asked_at, request=str(request_id))
        self.wake()

    async def approve(self, request_id: UUID, handle: str) -> None:
        """Let it be carried out. Raises `ErasureRefusedError`: nobody approves their own."""
        async with self.sessions.begin() as session:
            row = await _unanswered(session, request_id)
            if row.asked_by.rpartition(":")[2] == handle:  # also where they have asked by a command
                raise ErasureRefusedError(OWN_REQUEST)
            if row.found is None:
                raise ErasureRefusedError(NOT_LOOKED_YET)
            found = FoundPerson.model_validate(row.found)
            if found.obstacles:
                raise ErasureRefusedError(NOT_YET.format(obstacles="、".join(found.obstacles)))
            if not found.hits:
                raise ErasureRefusedError(NOBODY_FOUND)
            row.answered_by, row.approved_at = handle, self.now()
            audit_operator(session, handle, "erasure_approved", by=handle, at=row.approved_at, request=str(request_id))
        self.wake()

    async def decline(self, request_id: UUID, handle: str) -> None:
        """End it without erasing anything; whoever has asked may do so, too. Raises `ErasureRefusedError`."""
        async with self.sessions.begin() as session:
            row = await _unanswered(session, request_id)
            row.answered_by, row.declined_at, row.whom, row.found = handle, self.now(), [], None
            audit_operator(session, handle, "erasure_declined", by=handle, at=row.declined_at, request=str(request_id))

    async def listed(self) -> Sequence[ErasureRequestRow]:
        """Return all of them, the newest first."""
        async with self.sessions() as session:
            rows = await session.scalars(select(ErasureRequestRow).order_by(ErasureRequestRow.asked_at.desc()))
            return rows.all()

    async def to_begin(self) -> tuple[list[ErasureStep], list[ErasureStep]]:
        """Return those that are to be looked for, and those that are to be erased."""
        row = ErasureRequestRow
        unanswered = row.declined_at.is_(None) & row.done_at.is_(None)
        looking = select(row.request_id).where(row.found.is_(None), unanswered)
        erasing = select(row.request_id).where(row.approved_at.is_not(None), unanswered)
        async with self.sessions() as session:
            return (
                [ErasureStep(request_id=each) for each in await session.scalars(looking)],
                [ErasureStep(request_id=each) for each in await session.scalars(erasing)],
            )


async def _unanswered(session: DatabaseSession, request_id: UUID) -> ErasureRequestRow:
    row = await session.get(ErasureRequestRow, request_id, with_for_update=True)
    if row is None or row.approved_at or row.declined_at:
        raise ErasureRefusedError(ALREADY_ANSWERED)
    return row
