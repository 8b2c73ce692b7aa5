"""Every state that a case can be in, made from stages, steps and outcomes, and written as its procedure would."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from models.common.calendar import day_in_japan
from models.common.store.sessions import DatabaseSession
from models.common.waiting_for import WaitingFor
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    BusinessGroupRow,
    CaseStatusRow,
    GroupMemberRow,
    HolderConfirmationRow,
    HolderMailRow,
    IssuedContractRow,
    NoticeRow,
    OfficeRow,
    RateCountRow,
    RememberedLinkRow,
    SetUpStepRow,
    SharingRow,
    SupportPasswordRow,
    YayoiIdRow,
)
from models.yayoi.deadlines import AFTER_CLOSING_DAYS, FOLLOW_UP_DAYS
from models.yayoi.early_exits import EXPIRING
from models.yayoi.follow_up import FollowUp
from models.yayoi.holder_confirmation import ConfirmationOutcome
from models.yayoi.identifiers import ApplicationNo, ContractId
from models.yayoi.mails import MailKind
from models.yayoi.messages import OfficeCase, Outcome, Relinked, RememberedLink, SendMail
from models.yayoi.office_state import EarlyExit, OfficeState
from models.yayoi.pair_rules import NOT_OF_THE_CONTRACT, NOT_REGISTERED, PairProblem
from models.yayoi.procedures import Procedure, SetUpStep, Stage
from models.yayoi.service_links import Coverage, LinkKind
from models.yayoi.store.confirmations import settle
from workflows.yayoi.office_details import SAID_BY_CUSTOMERS

NOW = datetime.now(UTC)
TODAY = day_in_japan(NOW)
LINKS = (
    RememberedLink(number=1, kind=LinkKind.BANK_ACCOUNT, last_imported_on=TODAY - timedelta(days=200)),
    RememberedLink(number=2, kind=LinkKind.AIR_REGI, last_imported_on=None),
)
SERVICES = {1: "みずうみ銀行", 2: "Airレジ 本店"}
FIRM = "山田会計事務所"


@dataclass(frozen=True)
class WrittenCase:
    """The application whose rows are rewritten, and what its customer types."""

    application_no: ApplicationNo
    yayoi_id: str
    contract_id: ContractId
    """The one that is issued for the pair, or was before (Y9)."""
    existing_contract_id: ContractId
    office_token: str | None
    support_password_hash: str
    first: "CaseBefore | None" = None
    """Of 会計連携の追加: the case in which the contract ID was issued."""


@dataclass(frozen=True)
class CaseBefore:
    """The case before 会計連携の追加 (Y9), which stays as it is while that goes on."""

    application_no: ApplicationNo
    state: "CaseState"


@dataclass(frozen=True)
class CaseState:
    """One state of an application with one office."""

    procedure: Procedure
    stage: Stage
    waiting_for: WaitingFor = WaitingFor.SYSTEM
    done: tuple[SetUpStep, ...] = ()
    relinked: int = 0
    outcome: Outcome | None = None
    ending: Outcome | None = None
    on_its_last_day: bool = False
    """Of what can still be done: as long ago as it can be, the mails about it were sent."""

    def __str__(self) -> str:
        facts = (self.stage, self.waiting_for, *self.done, f"{self.relinked} relinked", self.outcome, self.ending)
        last = "last day" if self.on_its_last_day else None
        return "／".join(str(each) for each in (self.procedure, *facts, last) if each)

    @property
    def after_notice(self) -> bool:
        """Whether the pair has its notice."""
        stages = self.procedure.stages
        if self.stage is Stage.CLOSED:
            return self.outcome is not None and self.outcome.kept
        return stages.index(self.stage) > stages.index(Stage.NOTIFY)

    @property
    def unconfirmed(self) -> bool:
        """Whether the contract's holder has not confirmed the application (Y5a)."""
        return self.stage is Stage.CONFIRMATION

    @property
    def over(self) -> bool:
        """Whether nothing can be done any more, or it is being taken back."""
        return self.stage is Stage.CLOSED or self.ending is not None

    @property
    def after_closing(self) -> bool:
        return self.stage is Stage.AFTER_CLOSING

    @property
    def links(self) -> tuple[RememberedLink, ...]:
        return LINKS if self.procedure.linked else ()

    @property
    def follow_up(self) -> FollowUp:
        relinked = [
            Relinked(
                number=link.number,
                kind=link.kind,
                coverage=Coverage(last_imported_on=link.last_imported_on, first_covered_on=TODAY),
            )
            for link in self.links[: self.relinked]
        ]
        return FollowUp(self.procedure.set_up_steps, self.links, list(self.done), relinked)

    @property
    def points(self) -> tuple[str, ...]:
        if self.after_notice:
            return self.follow_up.open_points
        return tuple(problem.message for problem in self.problems)

    @property
    def problems(self) -> tuple[PairProblem, ...]:
        """What is wrong: an ID that is none, or, before the holder has confirmed, the token that shows nothing."""
        if self.stage is Stage.CORRECTION:
            return (NOT_REGISTERED,)
        return (NOT_OF_THE_CONTRACT,) if self.unconfirmed and self.procedure.linked else ()

    @property
    def age(self) -> timedelta:
        """How long ago the case came to where it is."""
        if self.after_closing:
            return timedelta(days=AFTER_CLOSING_DAYS if self.on_its_last_day else 0)
        return timedelta(days=FOLLOW_UP_DAYS) if self.on_its_last_day else timedelta(0)

    @property
    def notified_at(self) -> datetime:
        closed = timedelta(days=FOLLOW_UP_DAYS) if self.after_closing else timedelta(0)
        return NOW - self.age - closed

    @property
    def notice(self) -> MailKind:
        return MailKind.LINK_ADDED if self.procedure.has(Stage.ATTACH) else MailKind.COMPLETION_NOTICE

    @property
    def new_mails(self) -> tuple[MailKind, ...]:
        """The mails that ask customers for what is to be done in this state."""
        if self.ending or (self.waiting_for is WaitingFor.SYSTEM and self.stage in EXPIRING):
            return ()
        if self.outcome and not self.outcome.kept:
            return tuple(kind for kind in MailKind if kind.name == self.outcome.name)
        of_stage = tuple(kind for kind in MailKind if self.stage.name in kind.name and not kind.for_operators)
        if self.stage in EXPIRING:
            return (*of_stage, MailKind.DEADLINE_EXTENDED)
        if self.after_closing:
            return (*of_stage, MailKind.FOLLOW_UP_ENDED, MailKind.FINISHED)
        if self.stage is Stage.CLOSED:
            return (*of_stage, MailKind.FINISHED) if self.outcome is Outcome.COMPLETED else of_stage
        return (*of_stage, self.notice, MailKind.FOLLOW_UP_REMINDER) if self.after_notice else of_stage

    @property
    def mails(self) -> tuple[MailKind, ...]:
        """The mails that customers have, whose links they may follow in this state."""
        if self.unconfirmed:
            return ()  # only the contract's holder is mailed
        before = (MailKind.RECEIPT, MailKind.CASE_LINK, self.notice if self.after_notice else MailKind.DELAY)
        return (*self.new_mails, *(kind for kind in before if kind not in self.new_mails))

    def office_state(self, case: WrittenCase) -> OfficeState:
        """Return what the procedure knows in this state."""
        state = OfficeState.of(
            OfficeCase(
                case_no=case.application_no,
                part=1,
                office_name="B 商店",
                procedure=self.procedure,
                existing_contract_id=case.existing_contract_id,
                applied_at=self.notified_at - timedelta(days=14),
                due_date=TODAY,
                alert_on=TODAY,
                expires_on=TODAY,
                release_delegated=False,
            )
        )
        stages = self.procedure.stages
        state.stage, state.waiting_for, state.outcome = self.stage, self.waiting_for, self.outcome
        state.follow_up = self.follow_up
        state.waits_until = TODAY
        state.checked = True
        state.waits_for_holder = self.unconfirmed
        state.problems = self.problems
        state.sharing_ended = Stage.SHARING in stages and stages.index(self.stage) > stages.index(Stage.SHARING)
        state.notified_at = self.notified_at if self.after_notice else None
        state.contract_id = case.contract_id if self.after_notice else None
        state.closings = int(self.after_closing or self.stage is Stage.CLOSED)
        if self.ending:
            state.early_exit = EarlyExit(self.ending)
        for kind in self.mails:
            state.mails[kind] = SendMail(case_no=case.application_no, part=1, kind=kind, at=NOW)
        return state

    async def write(self, session: DatabaseSession, case: WrittenCase) -> None:
        """Write the rows as the procedure leaves them in this state."""
        pair = {"application_no": case.application_no, "office_no": 1}
        closed_at = NOW - self.age if self.after_closing or self.stage is Stage.CLOSED else None
        applied_at = self.notified_at - timedelta(days=14)
        await session.execute(delete(RateCountRow))
        await session.execute(
            update(ApplicationRow)
            .filter_by(application_no=case.application_no)
            .values(
                applied_at=applied_at,
                due_date=day_in_japan(self.notified_at),
                started_at=applied_at,
                closed_at=closed_at,
            )
        )
        await session.execute(
            update(ApplicationOfficeRow)
            .filter_by(**pair)
            .values(
                closed_at=closed_at,
                outcome=self.outcome,
                open_points=list(self.points) if closed_at else None,
                closings=int(closed_at is not None),
                holds_id=closed_at is None and not self.unconfirmed,
                holds_token=closed_at is None and case.office_token is not None and not self.unconfirmed,
            )
        )
        await session.execute(
            update(CaseStatusRow)
            .filter_by(case_no=case.application_no, part=1)
            .values(
                stage=self.stage,
                since=NOW,
                changed_at=NOW,
                waiting_for=self.waiting_for,
                until=TODAY if self.waiting_for is WaitingFor.APPLICANT or self.after_closing else None,
                ending=self.ending,
                outcome=self.outcome,
                points=list(self.points),
            )
        )
        await self._write_confirmation(session, case)
        for table in (SetUpStepRow, RememberedLinkRow):
            await session.execute(delete(table).filter_by(application_no=case.application_no))
        await session.execute(delete(NoticeRow).filter_by(case_no=case.application_no))
        for registry_table in (SupportPasswordRow, GroupMemberRow, SharingRow):
            await session.execute(delete(registry_table))
        await self._write_registry(session, case)
        await self._write_what_was_done(session, case, pair)

    async def _write_confirmation(self, session: DatabaseSession, case: WrittenCase) -> None:
        """Let the application wait for the contract's holder, or have their confirmation if it needs one (Y5a)."""
        for table in (HolderMailRow, HolderConfirmationRow):
            await session.execute(delete(table))
        if not self.unconfirmed and self.procedure.linked:
            return
        offices = select(ApplicationOfficeRow.office_no).filter_by(application_no=case.application_no)
        for office_no in await session.scalars(offices):
            row = HolderConfirmationRow(
                application_no=case.application_no,
                office_no=office_no,
                existing_contract_id=case.existing_contract_id,
                changed_at=NOW,
                notified_at=NOW,
            )
            if not self.unconfirmed:
                settle(row, ConfirmationOutcome.CONFIRMED)
            session.add(row)

    async def _write_what_was_done(self, session: DatabaseSession, case: WrittenCase, pair: dict[str, Any]) -> None:
        for number, step in enumerate(self.done):
            done_at = NOW + timedelta(seconds=number)
            session.add(SetUpStepRow(**pair, step=step, done_at=done_at, reported_by="申込者"))
        for number, link in enumerate(self.links if self.after_notice else ()):
            day = TODAY if number < self.relinked else None
            facts = link.model_dump() | {"service": SERVICES[link.number], "relinked_on": day, "first_covered_on": day}
            session.add(RememberedLinkRow(**pair, **facts))
        if self.after_notice:
            kind = MailKind.LINK_ADDED if self.procedure.has(Stage.ATTACH) else MailKind.COMPLETION_NOTICE
            session.add(
                NoticeRow(
                    key="notice",
                    case_no=case.application_no,
                    part=1,
                    kind=kind,
                    recipient=case.yayoi_id,
                    subject=kind.subject,
                    message_id="<notice@web.test>",
                    sent_at=self.notified_at,
                )
            )
        done = case.first.state.done if case.first else self.done
        if SetUpStep.SUPPORT_PASSWORD in done:
            session.add(SupportPasswordRow(contract_id=case.contract_id, password_hash=case.support_password_hash))
        if SetUpStep.BUSINESS_GROUP in done:
            group = BusinessGroupRow(name="弥生商店")
            session.add(group)
            await session.flush()
            member = {"person_id": YayoiIdRow.id_of(case.yayoi_id), "group_id": group.group_id, "administrator": True}
            await session.execute(insert(GroupMemberRow).values(member))

    async def _write_registry(self, session: DatabaseSession, case: WrittenCase) -> None:
        if not self.procedure.has(Stage.ATTACH):
            issued = self.after_notice or self.outcome is Outcome.CANCELLED
            await session.execute(delete(IssuedContractRow))
            if issued:
                session.add(
                    IssuedContractRow(
                        contract_id=case.contract_id,
                        existing_contract_id=case.existing_contract_id,
                        number=1,
                        registered_name="弥生 太郎 - 1",
                        application_no=case.application_no,
                        office_no=1,
                        yayoi_id=case.yayoi_id,
                        issued_at=self.notified_at,
                        revoked_at=None if self.after_notice else NOW,
                    )
                )
                await session.flush()
        if case.office_token is None:
            return
        ended_for = f"{case.application_no}:1" if self.after_notice else None
        ended = {"ended_at": NOW, "ended_for": ended_for}
        session.add(SharingRow(office_token=case.office_token, firm=FIRM, **ended))
        frozen = not (self.after_notice or self.unconfirmed) and self.stage is not Stage.CLOSED
        await session.execute(
            update(OfficeRow)
            .filter_by(office_token=case.office_token)
            .values(
                frozen_by=f"{case.application_no}:1" if frozen else None,
                frozen_at=NOW if frozen else None,
                contract_id=case.contract_id if self.after_notice else None,
            )
        )


def before_an_addition() -> Iterator[CaseState]:
    """Return how a case can be to which the link is added later (Y9): one state of each stage that has its notice."""
    seen = set()
    for state in states_of(Procedure.UNLINKED_NETWORK):
        waits = state.waiting_for is WaitingFor.APPLICANT or state.outcome is not None
        if state.after_notice and waits and not state.ending and (state.stage, state.outcome) not in seen:
            seen.add((state.stage, state.outcome))
            yield state


def states_of(procedure: Procedure) -> Iterator[CaseState]:
    """Return every state that a case of this procedure can be in: of each of its stages, whatever they are."""
    for stage in procedure.stages:
        state = CaseState(procedure, stage)
        if stage is Stage.CLOSED:
            yield from _ended(state)
        elif stage is Stage.AFTER_CLOSING:
            late = replace(state, outcome=Outcome.INCOMPLETE)
            for progress in _open(late):
                yield progress
            yield replace(late, on_its_last_day=True)
        elif stage in SAID_BY_CUSTOMERS:
            waiting_for = WaitingFor.HOLDER if state.unconfirmed else WaitingFor.APPLICANT
            for progress in _open(state) if state.after_notice else (state,):
                yield replace(progress, waiting_for=waiting_for)
            yield replace(progress, waiting_for=waiting_for, on_its_last_day=True)
            yield replace(progress, waiting_for=WaitingFor.OPERATOR)
            if stage in EXPIRING:
                yield state
            yield replace(state, ending=Outcome.CANCELLED)
        else:
            yield state


def _ended(state: CaseState) -> Iterator[CaseState]:
    steps, links = state.procedure.set_up_steps, len(state.links)
    for outcome in Outcome:
        if outcome is Outcome.INCOMPLETE:
            yield from _open(replace(state, outcome=outcome))
        elif outcome.kept:
            yield replace(state, outcome=outcome, done=steps, relinked=links)
        else:
            yield replace(state, outcome=outcome)


def _open(state: CaseState) -> Iterator[CaseState]:
    """Return the state with each step done, and with each link made before or after them, but never with all of it."""
    steps, links = state.procedure.set_up_steps, len(state.links)
    for count in range(len(steps) + 1):
        for relinked in sorted({0, links} if count == 0 else {0} if count < len(steps) else range(links + 1)):
            progress = replace(state, done=steps[:count], relinked=relinked)
            follow_up = progress.follow_up
            fits = {Stage.SET_UP: bool(follow_up.open_steps), Stage.RELINK: not follow_up.open_steps}
            if not follow_up.complete and fits.get(state.stage, True):
                yield progress
