"""The status rows of cases: written in the transaction of the step that changes them, published in the same one."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningUpdate

from models.common.case_status import CaseStatus, StageEntered
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.common.store.statements import bound, values_of
from models.common.waiting_for import WaitingFor
from models.tables import CaseStageRow, CaseStatusRow, table_of

_STATUS, _STAGES = table_of(CaseStatusRow), table_of(CaseStageRow)

WHOLE = 0
"""The part of a row that is about the case as a whole."""
_AS_WRITTEN: Mapping[str, Any] = {"synchronize_session": False, "populate_existing": True}

Publish = Callable[[DatabaseSession, CaseStatusRow], Awaitable[None]]
"""Stores what other systems are notified of about a status; the row's `sequence` numbers it."""


async def publish_nothing(_session: DatabaseSession, _row: CaseStatusRow) -> None:
    """Publish no status, where no other system follows the cases."""


def begin_status(
    session: DatabaseSession, workflow_id: str, case_no: str, part: int | None, status: CaseStatus, *, procedure: str
) -> CaseStatusRow:
    """Store the first status of a case, in the transaction that stores the case itself.

    `procedure` is the type of the workflow that leads it. It counts as published: whoever has subscribers publishes it.
    From then on only the named workflow writes it.
    """
    key = _key(case_no, part)
    published = {"sequence": 1, "published_stage": status.stage, "published_outcome": status.outcome}
    row = CaseStatusRow(procedure=procedure, **key, workflow_id=workflow_id, **_facts(status), **published)
    session.add_all([row, *(CaseStageRow(**each) for each in _entered(key, status))])
    return row


async def write_status(
    session: DatabaseSession, case_no: str, part: int | None, status: CaseStatus, publish: Publish
) -> None:
    """Write a whole status over an older one, and keep the stage that it names.

    A step that is retried after a newer one changes nothing of the status; its stage is kept all the same. A workflow
    that the case was not stored for, which anybody who reaches Temporal can start, changes nothing of the status.
    """
    key, facts = _key(case_no, part), _facts(status)
    entered = _entered(key, status)
    values = values_of("new_", facts) | {
        "of_case": key["case_no"],
        "of_part": key["part"],
        "older_than": status.version,
        "of_workflow": status.workflow_id or None,
    }
    for number, stage in enumerate(entered):
        values |= values_of(f"stage_{number}_", stage)
    row = await session.scalar(_newer(len(entered), tuple(facts)), values, execution_options=_AS_WRITTEN)
    if row is not None and (status.at_rest or status.outcome):
        await _publish(session, row, publish)


async def supersede_status(
    session: DatabaseSession,
    case_no: str,
    part: int | None,
    at: datetime,
    publish: Publish = publish_nothing,
    **changed: Any,
) -> None:
    """Write what has become of a case whose own workflow has ended, over whatever that has written.

    `changed` are fields of `CaseStatus`. A workflow that is reset afterwards writes over it in turn.
    """
    row = await session.get_one(CaseStatusRow, tuple(_key(case_no, part).values()), with_for_update=True)
    kept = {name: getattr(row, name) for name in CaseStatus.model_fields if name in row.__mapper__.attrs}
    over = dict.fromkeys(("held", "failing", "awaits_approval"), False)
    nobody = {"waiting_for": WaitingFor.SYSTEM, "until": None, "due_on": None, "at_rest": True} | over
    version = row.version + 1
    status = CaseStatus.model_validate(kept | nobody | {"version": version, "at": at} | changed)
    if status.stage != row.stage:
        entered = StageEntered(version=version, stage=status.stage, at=at)
        status = status.model_copy(update={"since": at, "entered": (entered,)})
    await write_status(session, case_no, part, status, publish)


async def status_of(session: DatabaseSession, case_no: str, part: int | None = None) -> CaseStatusRow | None:
    """Return where a case, or a part of it, is; None if there is no such case."""
    return await session.get(CaseStatusRow, tuple(_key(case_no, part).values()))


async def statuses_of_parts(session: DatabaseSession, case_no: str) -> Mapping[int, CaseStatusRow]:
    """Return where each part of a case is, by its number; not the case as a whole."""
    rows = await session.scalars(
        select(CaseStatusRow).filter_by(case_no=case_no).where(CaseStatusRow.part != WHOLE).order_by(CaseStatusRow.part)
    )
    return {row.part: row for row in rows}


async def stages_of(session: DatabaseSession, case_no: str, part: int | None = None) -> Sequence[CaseStageRow]:
    """Return the stages of a case, or of a part of it, in the order in which they were entered."""
    stages = select(CaseStageRow).filter_by(**_key(case_no, part)).order_by(CaseStageRow.entered)
    return (await session.scalars(stages)).all()


@cache
def _newer(stages: int, facts: tuple[str, ...]) -> ReturningUpdate[CaseStatusRow]:
    """Return what keeps so many stages, writes these columns over an older version, and gives the row that it wrote."""
    kept = (insert(_STAGES).values(bound(_STAGES, f"stage_{number}_")) for number in range(stages))
    return (
        update(CaseStatusRow)
        .where(
            CaseStatusRow.case_no == bindparam("of_case"),
            CaseStatusRow.part == bindparam("of_part"),
            CaseStatusRow.version < bindparam("older_than"),
            CaseStatusRow.workflow_id == func.coalesce(bindparam("of_workflow"), CaseStatusRow.workflow_id),
        )
        .values(bound(_STATUS, "new_", facts))
        .returning(CaseStatusRow)
        .add_cte(*(stage.on_conflict_do_nothing().cte(f"entered_{number}") for number, stage in enumerate(kept)))
    )


async def _publish(session: DatabaseSession, row: CaseStatusRow, publish: Publish) -> None:
    """Publish a stage or an outcome once, however often the status is written with it."""
    if (row.published_stage, row.published_outcome) == (row.stage, row.outcome):
        return
    row.sequence += 1
    row.published_stage, row.published_outcome = row.stage, row.outcome
    await publish(session, row)


def _key(case_no: str, part: int | None) -> dict[str, Any]:
    return {"case_no": case_no, "part": part or WHOLE}


def _facts(status: CaseStatus) -> dict[str, Any]:
    facts = status.model_dump(exclude={"at", "entered", "at_rest", "points", "workflow_id", "first_run_id"})
    run = {"first_run_id": status.first_run_id} if status.first_run_id else {}
    return facts | run | {"changed_at": status.at, "points": list(status.points)}


def _entered(key: Mapping[str, Any], status: CaseStatus) -> list[dict[str, Any]]:
    """Return the rows of the stages that were entered."""
    return [
        {**key, "entered": each.version, "stage": each.stage, "entered_at": each.at, "undoing": each.undoing}
        for each in status.entered
    ]


async def open_cases_of(sessions: DatabaseSessions, assignee: str) -> Sequence[CaseStatusRow]:
    """Return the parts of cases that an operator is in charge of and that have not ended, in the order of their ids."""
    row = CaseStatusRow
    theirs = select(row).where(row.assignee == assignee, row.outcome.is_(None))
    async with sessions() as session:
        return (await session.scalars(theirs.order_by(row.case_no, row.part))).all()
