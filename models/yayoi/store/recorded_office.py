"""What our records say of an office's case, for a workflow that begins: after a Reset it begins in the middle."""

from sqlalchemy import select

from models.common.store.case_status import status_of
from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationOfficeRow, RememberedLinkRow, SetUpStepRow
from models.yayoi.early_exits import EXPIRING, FOLLOWED_UP
from models.yayoi.messages import Outcome, RecordedOffice, Relinked
from models.yayoi.procedures import SetUpStep, Stage
from models.yayoi.service_links import Coverage, LinkKind
from models.yayoi.store.retractions import retracted_parts


async def recorded_office(session: DatabaseSession, application_no: str, office_no: int) -> RecordedOffice:
    """Return it. Raises `NoResultFound` if there is no such office."""
    office = await session.get_one(ApplicationOfficeRow, (application_no, office_no))
    status = await status_of(session, application_no, office_no)
    if status is None:
        raise LookupError(f"{application_no}/{office_no} has no status row")
    pair = {"application_no": application_no, "office_no": office_no}
    ended = Outcome(office.outcome) if office.closed_at and office.outcome else None
    undone_as = None if ended is None or ended.kept else ended
    steps = await session.scalars(select(SetUpStepRow.step).filter_by(**pair).order_by(SetUpStepRow.done_at))
    links = await session.scalars(select(RememberedLinkRow).filter_by(**pair).order_by(RememberedLinkRow.number))
    return RecordedOffice(
        version=status.version,
        assignee=status.assignee,
        expires_on=status.until if Stage(status.stage) in EXPIRING else None,
        closes_on=status.until if Stage(status.stage) in FOLLOWED_UP else None,
        done=tuple(map(SetUpStep, steps)),
        relinked=tuple(relinked for link in links if (relinked := _relinked(link))),
        retracted=office_no in await retracted_parts(session, application_no),
        closings=office.closings,
        closed=office.closed_at is not None,
        over=ended is not None and status.stage == Stage.CLOSED,
        undone_as=undone_as,
        points=tuple(status.points) if undone_as else (),
    )


def _relinked(link: RememberedLinkRow) -> Relinked | None:
    if link.first_covered_on is None:
        return None
    coverage = Coverage(last_imported_on=link.last_imported_on, first_covered_on=link.first_covered_on)
    return Relinked(number=link.number, kind=LinkKind(link.kind), coverage=coverage)
