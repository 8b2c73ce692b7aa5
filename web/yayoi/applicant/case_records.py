"""What the records say about the offices of a case: enough for its page while no procedure can be asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import EventRow, IssuedContractRow, NoticeRow, RememberedLinkRow, SetUpStepRow
from models.yayoi.mails import MailKind
from web.yayoi.applicant.case_words import for_applicants


@dataclass
class Recorded:
    """One office. `done`: the steps of STEP5 and STEP6 that were reported."""

    mails: set[str] = field(default_factory=set)
    contract_id: str | None = None
    done: set[str] = field(default_factory=set)
    relinked: int = 0
    to_relink: int = 0

    @property
    def notified(self) -> bool:
        """Whether the completion notice was sent."""
        return bool(self.mails & {MailKind.COMPLETION_NOTICE, MailKind.LINK_ADDED})

    @property
    def begun(self) -> bool:
        """Whether the customer has begun STEP5, or a re-link: from then on they cannot withdraw themselves (Y27)."""
        return bool(self.done or self.relinked)


async def recorded_offices(session: AsyncSession, application_no: str) -> Mapping[int, Recorded]:
    """Return what is recorded of every office of an application that anything is recorded of."""
    offices: dict[int, Recorded] = {}

    def of(office_no: int | None) -> Recorded:
        return offices.setdefault(office_no or 0, Recorded())

    for notice in await session.scalars(
        select(NoticeRow).where(NoticeRow.application_no == application_no, NoticeRow.sent_at.is_not(None))
    ):
        of(notice.office_no).mails.add(notice.kind)
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
    return offices


class EventState(StrEnum):
    """What became of something that the applicant did."""

    DONE = "done"
    WAITING = "waiting"
    REFUSED = "refused"


@dataclass(frozen=True)
class DoneHere:
    """Something that the applicant did on the page, as the page tells it afterwards."""

    kind: str
    office_no: int
    state: EventState
    reason: str


async def done_here(session: AsyncSession, application_no: str, event: str) -> DoneHere | None:
    """Return what became of an event of this application; None if it knows none of this id."""
    try:
        row = await session.get(EventRow, UUID(event))
    except ValueError:
        return None
    if row is None or row.application_no != application_no:
        return None
    done = EventState.DONE if row.delivered_at else EventState.WAITING
    return DoneHere(
        row.kind,
        row.office_no or 0,
        EventState.REFUSED if row.refused_because else done,
        for_applicants(row.refused_because),
    )
