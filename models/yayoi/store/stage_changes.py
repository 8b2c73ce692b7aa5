"""Stage changes of applications and their offices, as subscribers get them: made from a status row as it is written."""

from models.common.store.case_status import WHOLE, statuses_of_parts
from models.common.store.sessions import DatabaseSession
from models.common.waiting_for import WaitingFor
from models.tables import ApplicationRow, CaseStatusRow
from models.webhooks.messages import Coded, StageChange
from models.webhooks.store.publishing import active_subscribers, publish
from models.yayoi.messages import Outcome
from models.yayoi.procedures import ApplicationStage, Stage

_MOST_URGENT = (WaitingFor.OPERATOR, WaitingFor.APPLICANT, WaitingFor.HOLDER, WaitingFor.SYSTEM)
"""An application waits for whom its most urgent office waits for."""


async def publish_stage_change(session: DatabaseSession, row: CaseStatusRow) -> None:
    """Publish the status of an application or of one of its offices; other procedures have no subscribers."""
    subscribers = await active_subscribers(session)
    application = await session.get(ApplicationRow, row.case_no) if subscribers else None
    if application is None:
        return
    whole = row.part == WHOLE
    own = WaitingFor(row.waiting_for)
    waiting_for = await _whom_offices_wait_for(session, row.case_no) if whole and own is not WaitingFor.HOLDER else own
    await publish(
        session,
        subscribers,
        StageChange(
            application_no=row.case_no,
            office_no=None if whole else row.part,
            sequence=row.sequence,
            at=row.changed_at,
            stage=Coded.of(ApplicationStage(row.stage) if whole else Stage(row.stage)),
            waiting_for=Coded.of(waiting_for),
            outcome=Coded.of(Outcome(row.outcome)) if row.outcome else None,
            due_date=application.due_date,
        ),
    )


async def _whom_offices_wait_for(session: DatabaseSession, application_no: str) -> WaitingFor:
    rows = (await statuses_of_parts(session, application_no)).values()
    waiting = {WaitingFor(row.waiting_for) for row in rows if row.outcome is None}
    return next(who for who in _MOST_URGENT if who in (waiting or {WaitingFor.SYSTEM}))
