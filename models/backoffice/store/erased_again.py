"""Erasing again whom the journal says was erased, from records that are older than that."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update

from models.backoffice.case_places import workflows_of
from models.backoffice.data_map import CLOSED_STAGE
from models.backoffice.store.persons import erase_rows, find_person
from models.common.acting import SYSTEM
from models.common.encryption import key_owner
from models.common.journal import Erasure, JournalEntry
from models.common.store.audit import audit
from models.common.store.case_keys import forget_key
from models.common.store.case_status import supersede_status
from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationOfficeRow, ApplicationRow, Base, CaseStatusRow, ErasureRequestRow, OfficeRow
from models.yayoi.messages import Outcome

_DONE = "個人の情報を消去した"


async def erase_again(session: DatabaseSession, entries: Sequence[JournalEntry], at: datetime) -> list[str]:
    """Erase whom these records still hold, in the caller's transaction; return the workflows to delete in Temporal.

    Records that know of an erasure are younger than it: whoever has applied again since then is left alone.
    """
    workflows: list[str] = []
    for entry in entries:
        if isinstance(entry.said, Erasure) and not await _is_done(session, entry.said):
            workflows += await _erase(session, entry, entry.said, at)
    return workflows


async def _is_done(session: DatabaseSession, said: Erasure) -> bool:
    row = await session.get(ErasureRequestRow, UUID(said.request))
    return row is not None and row.done_at is not None


async def _erase(session: DatabaseSession, entry: JournalEntry, said: Erasure, at: datetime) -> list[str]:
    addresses = [address for address in await _addresses(session) if said.names(address)]
    rows = await erase_rows(session, await find_person(session, addresses)) if addresses else {}
    workflows = [each for case_no in said.cases for each in workflows_of(case_no)]
    for owner in sorted({key_owner(each) for each in workflows}):
        await forget_key(session, owner)
    for case_no in said.cases:
        await _close(session, case_no, at)
        audit(session, case_no, _DONE, by=SYSTEM, at=at, request=said.request, journal=entry.number)
    report = {"rows": rows, "cases": said.cases, "workflows": workflows, "journal": entry.number}
    row = await session.get(ErasureRequestRow, UUID(said.request))
    if row is None:
        row = ErasureRequestRow(
            request_id=UUID(said.request), asked_by="restore", asked_at=datetime.fromisoformat(entry.at)
        )
        session.add(row)
    row.whom, row.found, row.report, row.done_at = [], None, report, at
    await session.flush()
    return workflows


async def _close(session: DatabaseSession, case_no: str, at: datetime) -> None:
    """Close what was still open when the copy was made: nobody can read any more what it goes on with.

    What was frozen for it (Y12) is thawed: nobody else would, before the next reconciliation.
    """
    frozen = update(OfficeRow).where(func.split_part(OfficeRow.frozen_by, ":", 1) == case_no)
    await session.execute(frozen.values(frozen_by=None, frozen_at=None))
    offices = update(ApplicationOfficeRow).where(
        ApplicationOfficeRow.application_no == case_no, ApplicationOfficeRow.closed_at.is_(None)
    )
    ended = {"closed_at": at, "outcome": Outcome.TERMINATED.value, "holds_token": False, "holds_id": False}
    await session.execute(offices.values(ended))
    application = update(ApplicationRow).where(ApplicationRow.application_no == case_no)
    await session.execute(application.where(ApplicationRow.closed_at.is_(None)).values(closed_at=at))
    open_parts = select(CaseStatusRow.part).where(
        CaseStatusRow.case_no == case_no, CaseStatusRow.outcome.is_(None), CaseStatusRow.stage != CLOSED_STAGE
    )
    for part in (await session.scalars(open_parts)).all():
        await supersede_status(session, case_no, part or None, at, stage=CLOSED_STAGE, outcome=Outcome.TERMINATED.value)


async def _addresses(session: DatabaseSession) -> set[str]:
    """Return every mail address that is stored."""
    found: set[str] = set()
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.info.get("mail_address"):
                found |= {each for each in await session.scalars(select(column).distinct()) if each}
    return found
