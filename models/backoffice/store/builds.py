"""What is known of builds: which have passed the replay check, and which cases the current one does not take."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert

from models.common.store.sessions import DatabaseSession
from models.tables import ReplayCheckRow, UntakenCaseRow


async def has_passed(session: DatabaseSession, build_id: str, code: str) -> bool:
    """Whether this code has passed the replay check under this build id."""
    row = ReplayCheckRow
    return bool(await session.scalar(select(exists().where(row.build_id == build_id, row.code == code))))


async def note_passed(session: DatabaseSession, build_id: str, code: str, at: datetime) -> None:
    """Note that it has."""
    row = insert(ReplayCheckRow).values(build_id=build_id, code=code, passed_at=at)
    await session.execute(row.on_conflict_do_nothing())


async def untaken_cases(session: DatabaseSession) -> Sequence[str]:
    """Return the workflows that the workers of the current build do not run."""
    return (await session.scalars(select(UntakenCaseRow.workflow_id).order_by(UntakenCaseRow.workflow_id))).all()


async def note_untaken(session: DatabaseSession, workflow_ids: Collection[str], build_id: str, at: datetime) -> None:
    """Note which these are, in place of those of whatever build was current before."""
    await session.execute(delete(UntakenCaseRow).where(UntakenCaseRow.workflow_id.not_in(workflow_ids)))
    for workflow_id in sorted(workflow_ids):
        row = insert(UntakenCaseRow).values(workflow_id=workflow_id, build_id=build_id, found_at=at)
        await session.execute(row.on_conflict_do_nothing())
