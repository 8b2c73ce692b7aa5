"""The state of one office's case: what is shown, and what decides which actions are possible."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from models.common.approvals import AskedFor
from models.common.case_state import CaseState
from models.common.messages import TimelineEntry
from models.yayoi.follow_up import FollowUp
from models.yayoi.identifiers import ContractId
from models.yayoi.mails import MailKind
from models.yayoi.messages import OfficeCase, OfficeProgress, Outcome, RecordedOffice, SendMail
from models.yayoi.pair_rules import OFFICE_TOKEN, PairProblem
from models.yayoi.procedures import Stage

_NOTICES = frozenset({MailKind.COMPLETION_NOTICE, MailKind.LINK_ADDED})
_MAILS = {
    Stage.CONFIRMATION: frozenset({MailKind.CONFIRM_APPLICATIONS}),
    Stage.CORRECTION: frozenset({MailKind.CORRECTION_NEEDED, MailKind.CORRECTION_REMINDER, MailKind.DEADLINE_EXTENDED}),
    Stage.SHARING: frozenset({MailKind.RELEASE_SHARING, MailKind.RELEASE_SHARING_REMINDER, MailKind.DEADLINE_EXTENDED}),
    Stage.SET_UP: frozenset({MailKind.FOLLOW_UP_REMINDER}),
    Stage.RELINK: frozenset({MailKind.FOLLOW_UP_REMINDER}),
    Stage.AFTER_CLOSING: frozenset({MailKind.FOLLOW_UP_ENDED}),
}
"""The mails that say what a stage waits for."""


@dataclass(frozen=True)
class EarlyExit:
    """The case ends before its end: how, and what the applicant is mailed."""

    outcome: Outcome
    points: tuple[str, ...] = ()
    """What the applicant reads about why; the reason for the audit trail is not among it."""
    was_closed: bool = False
    """Whether it was undone and closed already when its workflow was reset to its beginning."""

    @property
    def mail(self) -> MailKind:
        return MailKind[self.outcome.name]


@dataclass(kw_only=True)
class OfficeState(CaseState):
    """The state of a case while it runs."""

    case: OfficeCase
    follow_up: FollowUp
    office_name: str
    expires_on: date
    stage: Stage = Stage.CHECK
    outcome: Outcome | None = None
    checked: bool = False
    """Whether the pair has been checked at all; `problems` says what was found last."""
    problems: tuple[PairProblem, ...] = ()
    frozen: bool = False
    """Whether smart import of its office was frozen for it when it was checked last (Y12)."""
    waits_for_holder: bool = False
    """Whether the contract's holder has to confirm the application (Y5a)."""
    refused_by_holder: bool = False
    holder_unasked: bool = False
    """Whether they are to be asked anew: what they were mailed is about another Yayoi ID, or its links were ended."""
    corrections: int = 0
    """How often a correction was waited for."""
    corrected: dict[str, str] = field(default_factory=dict)
    """What was corrected, by its name in the operators' language: shown to them while it is still wrong."""
    shared_with: tuple[str, ...] = ()
    sharing_ended: bool = False
    contract_id: ContractId | None = None
    notified_at: datetime | None = None
    closes_on: date | None = None
    """On which day it closes, complete or not, where that was known before its workflow was reset (Y25)."""
    early_exit: EarlyExit | None = None
    exit_recorded: Outcome | None = None
    """How somebody ends it, while that is being recorded: pages say so at once, and steps go on until it is."""
    asked: AskedFor | None = None
    """What a supervisor is asked to approve (Y27)."""
    closings: int = 0
    """How often it was closed: with something open it goes on, and may be reopened (Y25)."""
    closed_before: bool = False
    """Whether it was closed already when its workflow was reset to its beginning."""
    over: bool = False
    """Whether it had ended for good by then, whatever was left open."""
    reopened_as: str | None = None
    """The id of the last update that has reopened it."""
    open_points: Sequence[str] = ()
    mails: dict[MailKind, SendMail] = field(default_factory=dict)
    """The newest mail of each kind that was sent, or refused."""
    undelivered: dict[MailKind, str] = field(default_factory=dict)
    """Mails to the customer that were refused for good and not sent again since, and why."""

    @classmethod
    def of(cls, case: OfficeCase) -> "OfficeState":
        return cls(
            case=case,
            follow_up=FollowUp(steps=case.procedure.set_up_steps),
            office_name=case.office_name,
            expires_on=case.expires_on,
            assignee=case.assignee,
            timeline=[TimelineEntry(at=case.applied_at, text="申し込みを受け付けた")],
        )

    def goes_on_from(self, recorded: RecordedOffice) -> None:
        """Take over what had taken effect before: a Reset has forgotten it, and nobody does it again."""
        self.assignee = recorded.assignee or self.assignee
        self.expires_on = recorded.expires_on or self.expires_on
        self.closes_on = recorded.closes_on
        self.closings, self.closed_before = recorded.closings - recorded.closed, recorded.closed
        self.over = recorded.over
        for step in recorded.done:
            self.follow_up.record_step(step)
        for relinked in recorded.relinked:
            self.follow_up.record_relink(relinked)
        if recorded.undone_as:
            self.early_exit = EarlyExit(recorded.undone_as, recorded.points, was_closed=True)
        self.follow_up.retracted = recorded.retracted

    @property
    def ending(self) -> Outcome | None:
        return self.early_exit.outcome if self.early_exit else self.exit_recorded

    @property
    def due_on(self) -> date | None:
        """The day of the notice (Y11), until it is sent."""
        return self.case.due_date if self.notified_at is None and not self.leaving else None

    @property
    def row_is_known(self) -> bool:
        return self.checked or bool(self.failing)

    @property
    def mail_undelivered(self) -> bool:
        return bool(self.undelivered)

    @property
    def awaits_approval(self) -> bool:
        return self.asked is not None

    @property
    def after_closing(self) -> bool:
        """Whether it was closed with something open that can still be done (Y25)."""
        return self.stage is Stage.AFTER_CLOSING and self.outcome is not None

    @property
    def leaving(self) -> bool:
        return self.early_exit is not None or (self.outcome is not None and not self.after_closing)

    @property
    def set_up_begun(self) -> bool:
        """Whether the customer has begun STEP5 (Y27)."""
        return self.follow_up.begun

    @property
    def notice_undelivered(self) -> bool:
        """Whether the notice of the contract ID could not be delivered (Y18)."""
        return not self.undelivered.keys().isdisjoint(_NOTICES)

    def matters_still(self, kind: MailKind) -> bool:
        """Whether a mail that has come back is still to reach its customer: the notice, or one of the present stage."""
        if self.leaving:
            return False
        delays = {MailKind.DELAY} if self.notified_at is None else set()
        return kind in _NOTICES | _MAILS.get(self.stage, frozenset()) | delays

    def forget_undelivered_but_the_notice(self) -> None:
        """What mails of the stages before have said is known by now."""
        self.undelivered = {kind: why for kind, why in self.undelivered.items() if kind in _NOTICES}

    @property
    def first_undelivered(self) -> MailKind | None:
        """The notice if it is undelivered, else the mail that was refused first."""
        return min(self.undelivered, key=lambda kind: kind not in _NOTICES, default=None)

    @property
    def token_in_doubt(self) -> bool:
        """Whether the pair's token may be that of another office (Y1, Y5)."""
        return any(OFFICE_TOKEN in problem.fields for problem in self.problems)

    @property
    def points(self) -> tuple[str, ...]:
        if self.stage in {Stage.CONFIRMATION, Stage.CORRECTION}:
            return tuple(problem.message for problem in self.problems)
        return tuple(self.open_points)

    @property
    def progress(self) -> OfficeProgress:
        return OfficeProgress(
            office_no=self.case.part,
            office_name=self.office_name,
            stage=self.stage,
            waiting_for=self.whose_turn,
            waits_until=self.waits_until,
            contract_id=self.contract_id,
            open_points=self.points,
            outcome=self.outcome,
            due_on=self.due_on,
            overdue=self.overdue,
            held=self.held,
            failing=bool(self.failing),
            undelivered=self.mail_undelivered,
            awaits_approval=self.awaits_approval,
            assignee=self.assignee,
        )
