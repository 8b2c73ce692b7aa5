"""What is done and what is still open for the pair of a Yayoi ID after the notice (Y19 to Y21)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from models.common.calendar import day_in_japan
from models.common.store.case_status import status_of as case_status_of
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    BusinessGroupRow,
    GroupMemberRow,
    IssuedContractRow,
    NoticeRow,
    RememberedLinkRow,
    SetUpStepRow,
    YayoiIdRow,
)
from models.yayoi.follow_up import FollowUp
from models.yayoi.mails import MailKind
from models.yayoi.messages import KEPT, Relinked, RememberedLink
from models.yayoi.procedures import Procedure, SetUpStep, Stage
from models.yayoi.service_links import Coverage, LinkKind
from models.yayoi.store.after_closing import goes_on, is_after_closing
from models.yayoi.store.event_cases import EXISTING_CONTRACT

NOT_YOURS = (
    "ログイン中の弥生ID 宛てのお知らせメールに記載された番号ではありません。"
    "番号を確認するか、その番号の弥生ID でログインし直してください。"
)
_NOT_NOTIFIED = "お手続き中です。「サービス契約ID（お客様番号）」のお知らせメールが届いてから、もう一度お開きください。"
OVER = (
    "お手続きは終了しているため、この画面では受け付けられません。"
    "残っている設定は、担当者がお手伝いします。元々ご契約のお客様番号をご用意のうえ、お問い合わせ画面からご連絡ください。"
)
"""Y25: what is not possible on pages any more, and what is instead, as long as the case is kept."""
ENDING = "お手続きを終了する処理をしています。終わりしだい、メールでお知らせします。"
_LINK_ONLY = "会計連携の追加のお申し込みでは、STEP5・STEP6 の手続きは不要です。再連携だけをお願いします。"


@dataclass(frozen=True)
class PairStatus:
    """One pair, and what is still to be done for it."""

    application_no: str
    office_no: int
    office_name: str
    office_token: str | None
    yayoi_id: str
    procedure: Procedure
    existing_contract_id: str
    applied_on: date
    contract_id: str | None
    """The new contract ID, once the notice is out."""
    registered_name: str | None
    group_name: str | None
    closed: bool
    ending: bool
    """Whether it is being ended early: what it was for is being taken back (Y27)."""
    open_until: date | None
    """The last day on which what is open can still be done, if it was closed with something open (Y25)."""
    follow_up: FollowUp
    services: dict[int, str]
    """What each of the links in `follow_up` is called, by its number."""
    relinked_on: dict[int, date]

    @property
    def over(self) -> bool:
        """Whether what is open cannot be done on pages any more."""
        return self.closed and self.open_until is None

    @property
    def next_step(self) -> SetUpStep | None:
        """The step that can be done now; None when all are done or none can be."""
        steps = self.follow_up.open_steps
        return steps[0] if steps and self.contract_id and not (self.over or self.ending) else None

    def refuse(self, step: SetUpStep) -> str | None:
        """Return why this step cannot be done now, as its page says before anything is typed (Y20)."""
        if not self.follow_up.steps:
            return _LINK_ONLY
        if step in self.follow_up.steps and step not in self.follow_up.done:
            if self.contract_id is None:
                return _NOT_NOTIFIED
            if self.over or self.ending:
                return ENDING if self.ending else OVER
        return self.follow_up.refuse_step(step)

    def refuse_number(self, contract_id: str) -> str | None:
        """Return why this typed number is not the pair's own new contract ID; None if it is."""
        if contract_id == self.contract_id:
            return None
        return EXISTING_CONTRACT if contract_id == self.existing_contract_id else NOT_YOURS

    @property
    def cannot_relink(self) -> str | None:
        """Why no service can be linked again now; None if one can (Y21)."""
        if self.contract_id is None:
            return _NOT_NOTIFIED
        if self.ending:
            return ENDING
        if self.over and self.follow_up.open_links:
            return OVER
        return None


async def status_of(sessions: DatabaseSessions, yayoi_id: str, *, links: bool = False) -> PairStatus | None:
    """Return the pair that this Yayoi ID can do something for, else the last one completed; None if there is none.

    Of 会計連携の追加 and the application before it (Y9), whatever has ended of them: that one has STEP5 and STEP6, and
    the former the services to be linked again, for which `links` asks.
    """
    async with sessions() as session:
        found = await _pair_of(session, yayoi_id, links=links)
        return await _status(session, *found) if found else None


async def _status(session: DatabaseSession, pair: ApplicationOfficeRow, application: ApplicationRow) -> PairStatus:
    contract = await _contract(session, pair) if await _is_notified(session, pair) else None
    links = await links_of(session, pair)
    status = await case_status_of(session, pair.application_no, pair.office_no)
    return PairStatus(
        application_no=pair.application_no,
        office_no=pair.office_no,
        office_name=pair.office_name,
        office_token=pair.office_token,
        yayoi_id=pair.yayoi_id,
        procedure=Procedure(application.procedure),
        existing_contract_id=application.existing_contract_id,
        applied_on=day_in_japan(application.applied_at),
        contract_id=contract.contract_id if contract else None,
        registered_name=contract.registered_name if contract else None,
        group_name=await group_of(session, pair.yayoi_id),
        closed=pair.closed_at is not None,
        ending=status is not None and status.ending is not None and pair.closed_at is None,
        open_until=status.until if status and status.stage == Stage.AFTER_CLOSING else None,
        follow_up=await follow_up_of(session, pair, Procedure(application.procedure), links),
        services={link.number: link.service for link in links},
        relinked_on={link.number: link.relinked_on for link in links if link.relinked_on},
    )


async def _pair_of(
    session: DatabaseSession, yayoi_id: str, *, links: bool
) -> tuple[ApplicationOfficeRow, ApplicationRow] | None:
    pair, application = ApplicationOfficeRow, ApplicationRow
    # An open pair that does not hold the ID may be anybody's who has typed it (Y1).
    its_own = (pair.closed_at.is_(None) & pair.holds_id) | pair.outcome.in_(KEPT)
    addition = pair.issued_contract_id.is_not(None)
    rows = await session.execute(
        select(pair, application)
        .join(application, application.application_no == pair.application_no)
        .where(pair.yayoi_id == yayoi_id, its_own)
        .order_by(~addition if links else addition, ~goes_on(), ~is_after_closing(), application.applied_at.desc())
        .limit(1)
    )
    found = rows.first()
    return (found[0], found[1]) if found else None


async def _is_notified(session: DatabaseSession, pair: ApplicationOfficeRow) -> bool:
    notice = (
        select(NoticeRow.key)
        .filter_by(case_no=pair.application_no, part=pair.office_no)
        .where(NoticeRow.kind.in_([MailKind.COMPLETION_NOTICE, MailKind.LINK_ADDED]), NoticeRow.sent_at.is_not(None))
    )
    return await session.scalar(notice.limit(1)) is not None


async def links_of(session: DatabaseSession, pair: ApplicationOfficeRow) -> Sequence[RememberedLinkRow]:
    """Return the links that are remembered for a pair (Y14)."""
    links = (
        select(RememberedLinkRow)
        .filter_by(application_no=pair.application_no, office_no=pair.office_no)
        .order_by(RememberedLinkRow.kind, RememberedLinkRow.service)
    )
    return (await session.scalars(links)).all()


async def follow_up_of(
    session: DatabaseSession, pair: ApplicationOfficeRow, procedure: Procedure, links: Sequence[RememberedLinkRow]
) -> FollowUp:
    """Return what of STEP5, STEP6 and these links is recorded as done."""
    done = (
        select(SetUpStepRow.step)
        .filter_by(application_no=pair.application_no, office_no=pair.office_no)
        .order_by(SetUpStepRow.done_at)
    )
    return FollowUp(
        procedure.set_up_steps,
        tuple(_remembered(link) for link in links),
        [SetUpStep(step) for step in await session.scalars(done)],
        _relinked(links),
    )


async def group_of(session: DatabaseSession, yayoi_id: str) -> str | None:
    """Return the name of the business group that the ID belongs to."""
    return await session.scalar(
        select(BusinessGroupRow.name)
        .join(GroupMemberRow, GroupMemberRow.group_id == BusinessGroupRow.group_id)
        .where(GroupMemberRow.person_id == YayoiIdRow.id_of(yayoi_id))
    )


async def _contract(session: DatabaseSession, pair: ApplicationOfficeRow) -> IssuedContractRow | None:
    which = (
        IssuedContractRow.contract_id == pair.issued_contract_id
        if pair.issued_contract_id
        else (IssuedContractRow.application_no == pair.application_no) & (IssuedContractRow.office_no == pair.office_no)
    )
    return await session.scalar(select(IssuedContractRow).where(which, IssuedContractRow.revoked_at.is_(None)))


def _remembered(link: RememberedLinkRow) -> RememberedLink:
    return RememberedLink(number=link.number, kind=LinkKind(link.kind), last_imported_on=link.last_imported_on)


def _relinked(links: Sequence[RememberedLinkRow]) -> list[Relinked]:
    return [
        Relinked(
            number=link.number,
            kind=LinkKind(link.kind),
            coverage=Coverage(last_imported_on=link.last_imported_on, first_covered_on=link.first_covered_on),
        )
        for link in links
        if link.first_covered_on
    ]
