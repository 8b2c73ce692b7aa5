"""Which pairs of an application are open now: those that go on, and those that are about to end, and how (Y27)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from models.common.calendar import day_in_japan
from models.common.messages import REQUEST_CANCELLATION
from models.common.store.case_status import statuses_of_parts
from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationOfficeRow, AuditRow, CaseRequestRow, CaseStatusRow
from models.yayoi.early_exits import CANCELLATION_REFUSED, EXPIRING
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Stage


@dataclass(frozen=True)
class OpenParts:
    """The open pairs of an application, by their numbers."""

    going_on: frozenset[int]
    ending: Mapping[int, Outcome]
    """Those whose end is recorded or due, though they are not closed yet."""

    def ending_as(self, outcome: Outcome) -> frozenset[int]:
        return frozenset(part for part, each in self.ending.items() if each is outcome)


async def open_parts(session: DatabaseSession, application_no: str, at: datetime) -> OpenParts:
    """Return which pairs are open, by what is committed; `at`: the time of whoever asks."""
    pairs = select(ApplicationOfficeRow.office_no).filter_by(application_no=application_no)
    open_ones = set(await session.scalars(pairs.where(ApplicationOfficeRow.closed_at.is_(None))))
    statuses = await statuses_of_parts(session, application_no)
    refused = await _refused_to_be_cancelled(session, application_no)
    ending: dict[int, Outcome] = {}
    for part in open_ones:
        status = statuses[part]
        if status.ending:
            ending[part] = Outcome(status.ending)
        elif refused is not None and part not in refused:
            ending[part] = Outcome.CANCELLED
        elif _is_due(status, at):
            ending[part] = Outcome.EXPIRED
    return OpenParts(frozenset(open_ones - ending.keys()), ending)


async def _refused_to_be_cancelled(session: DatabaseSession, application_no: str) -> frozenset[int] | None:
    """Return which pairs have refused the last cancellation of the whole application; None if there was none."""
    row = CaseRequestRow
    cancellations = select(row.requested_at).where(
        row.case_no == application_no,
        row.operation != REQUEST_CANCELLATION,  # that one ends nothing
    )
    if (requested_at := await session.scalar(cancellations.order_by(row.number.desc()).limit(1))) is None:
        return None
    refusals = select(AuditRow.part).filter_by(case_no=application_no, action=CANCELLATION_REFUSED)
    found = await session.scalars(refusals.where(AuditRow.happened_at >= requested_at))
    return frozenset(found)


def _is_due(status: CaseStatusRow, at: datetime) -> bool:
    """Whether it expires with this day, unless somebody does at the last minute what it waits for."""
    waits = Stage(status.stage) in EXPIRING and not status.held
    return waits and status.until is not None and status.until <= day_in_japan(at)
