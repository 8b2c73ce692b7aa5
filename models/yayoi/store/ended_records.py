"""An office whose procedure has ended: what its customer has done can be recorded as long as it is kept (Y21, Y25)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from models.common.calendar import day_in_japan
from models.common.operator_message import ActionMessage
from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationOfficeRow, ApplicationRow, RememberedLinkRow
from models.yayoi.follow_up import FollowUp
from models.yayoi.messages import KEPT, OfficeRef
from models.yayoi.operator_actions import ServiceRelinked
from models.yayoi.operator_rules import refuse_record, refuse_relink_days
from models.yayoi.procedures import Procedure
from models.yayoi.store.after_closing import has_ended
from models.yayoi.store.pair_status import follow_up_of, links_of


@dataclass(frozen=True)
class EndedRecords:
    """What is recorded of it."""

    office: ApplicationOfficeRow
    follow_up: FollowUp
    links: Sequence[RememberedLinkRow]
    applied_on: date

    def refuse(self, message: ActionMessage, today: date) -> str | None:
        """Return why what this message says cannot be recorded; None if it can."""
        if refusal := refuse_record(message, self.follow_up):
            return refusal
        if isinstance(message, ServiceRelinked):
            return refuse_relink_days(message, self.follow_up, self.applied_on, today)
        return None


async def records_of_ended(session: DatabaseSession, pair: OfficeRef) -> EndedRecords | None:
    """Return it; None while its procedure goes on, where all was taken back (Y27), and once whose it is was erased."""
    office = await session.get(ApplicationOfficeRow, (pair.case_no, pair.part))
    if office is None or office.outcome not in KEPT or not office.yayoi_id:
        return None
    if not await has_ended(session, pair.case_no, pair.part):
        return None
    application = await session.get_one(ApplicationRow, pair.case_no)
    links = await links_of(session, office)
    follow_up = await follow_up_of(session, office, Procedure(application.procedure), links)
    return EndedRecords(office, follow_up, links, day_in_japan(application.applied_at))
