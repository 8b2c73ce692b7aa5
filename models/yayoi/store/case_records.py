"""What the records say about a case: enough for its pages while no procedure can be reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select

from models.common.store.sessions import DatabaseSession
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    EventRow,
    IssuedContractRow,
    NoticeRow,
    RememberedLinkRow,
    SetUpStepRow,
    SharingRow,
)
from models.yayoi.application_form import MAX_OFFICES
from models.yayoi.customer_events import OF_CASE_PAGES
from models.yayoi.mails import MailKind
from models.yayoi.service_links import ServiceNames
from models.yayoi.store.remembered_links import service_names_of_pairs
from models.yayoi.store.retractions import retracted_parts
from models.yayoi.store.smart_import import stopped_offices


async def recorded_case(
    session: DatabaseSession, application_no: str, office_no: int | None = None
) -> tuple[ApplicationRow, Sequence[ApplicationOfficeRow]] | None:
    """Return an application with its offices, or with this one alone; None if there is no such case.

    A number is taken as an address has it, where it may be one that no database can be asked for.
    """
    if office_no is not None and office_no > MAX_OFFICES:
        return None
    pairs = select(ApplicationOfficeRow).where(ApplicationOfficeRow.application_no == application_no)
    if office_no is not None:
        pairs = pairs.where(ApplicationOfficeRow.office_no == office_no)
    application = await session.get(ApplicationRow, application_no)
    found = (await session.scalars(pairs.order_by(ApplicationOfficeRow.office_no))).all()
    return (application, found) if application and found else None


async def sharing_firms(session: DatabaseSession, office_token: str | None) -> Sequence[str]:
    """Return the accounting firms that smart import of this office is shared with now (Y13)."""
    firms = await session.scalars(
        select(SharingRow.firm)
        .where(SharingRow.office_token == office_token, SharingRow.ended_at.is_(None))
        .order_by(SharingRow.sharing_id)
    )
    return firms.all()


@dataclass
class OfficeRecords:
    """One office. `done`: the steps of STEP5 and STEP6 that were reported."""

    mails: set[str] = field(default_factory=set)
    returned: set[str] = field(default_factory=set)
    """The kinds of mail whose newest has come back."""
    contract_id: str | None = None
    done: set[str] = field(default_factory=set)
    relinked: int = 0
    retracted: bool = False
    """Whether a record of these was ever taken back."""
    to_relink: int = 0
    services: ServiceNames = field(default_factory=ServiceNames)
    """What the services are called that texts of its history number."""
    stopped: bool = False
    """Whether smart import of the office is stopped now (Y12)."""
    under_way: bool = False
    """Whether something that the applicant did on the case's pages is yet to be brought to the procedure."""

    @property
    def notified(self) -> bool:
        """Whether the completion notice was sent."""
        return bool(self.mails & {MailKind.COMPLETION_NOTICE, MailKind.LINK_ADDED})

    @property
    def notice_returned(self) -> bool:
        """Whether the completion notice has come back, and was not sent again since."""
        return bool(self.returned & {MailKind.COMPLETION_NOTICE, MailKind.LINK_ADDED})

    @property
    def begun(self) -> bool:
        """Whether the customer has begun STEP5, or a re-link: from then on they cannot withdraw themselves (Y27)."""
        return bool(self.done or self.relinked or self.retracted)


async def office_records(session: DatabaseSession, application_no: str) -> Mapping[int, OfficeRecords]:
    """Return what is recorded of every office of an application that anything is recorded of."""
    offices: dict[int, OfficeRecords] = {}

    def of(office_no: int | None) -> OfficeRecords:
        return offices.setdefault(office_no or 0, OfficeRecords())

    for notice in await session.scalars(
        select(NoticeRow)
        .where(NoticeRow.case_no == application_no, NoticeRow.sent_at.is_not(None))
        .order_by(NoticeRow.sent_at)
    ):
        office = of(notice.part)
        office.mails.add(notice.kind)
        (office.returned.add if notice.bounced_at else office.returned.discard)(notice.kind)
    for issued in await session.scalars(
        select(IssuedContractRow).where(
            IssuedContractRow.application_no == application_no, IssuedContractRow.revoked_at.is_(None)
        )
    ):
        of(issued.office_no).contract_id = issued.contract_id
    for step in await session.scalars(select(SetUpStepRow).where(SetUpStepRow.application_no == application_no)):
        of(step.office_no).done.add(step.step)
    for link in await session.scalars(
        select(RememberedLinkRow).where(RememberedLinkRow.application_no == application_no)
    ):
        of(link.office_no).to_relink += link.relinked_on is None
        of(link.office_no).relinked += link.relinked_on is not None
    for part, services in (await service_names_of_pairs(session, application_no)).items():
        of(part).services = services
    under_way = select(EventRow.office_no).where(
        EventRow.application_no == application_no,
        EventRow.kind.in_(OF_CASE_PAGES),
        EventRow.delivered_at.is_(None),
        EventRow.refused_because.is_(None),
    )
    for office_no in await session.scalars(under_way):
        of(office_no).under_way = True
    for office_no in await retracted_parts(session, application_no):
        of(office_no).retracted = True
    for office_no in await stopped_offices(session, application_no):
        of(office_no).stopped = True
    return offices


class EventState(StrEnum):
    """What became of something that the applicant did."""

    DONE = "done"
    WAITING = "waiting"
    REFUSED = "refused"


@dataclass(frozen=True)
class CaseEvent:
    """Something that the applicant did on the page."""

    kind: str
    office_no: int
    state: EventState
    refused_because: str | None


async def case_event(session: DatabaseSession, application_no: str, event: str) -> CaseEvent | None:
    """Return what became of an event of this application; None if it knows none of this id."""
    try:
        row = await session.get(EventRow, UUID(event))
    except ValueError:
        return None
    if row is None or row.application_no != application_no:
        return None
    done = EventState.DONE if row.delivered_at else EventState.WAITING
    state = EventState.REFUSED if row.refused_because else done
    return CaseEvent(row.kind, row.office_no or 0, state, row.refused_because)
