"""The state of one office's case: what is shown, and what decides which actions are possible."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from models.common.messages import TimelineEntry
from models.common.waiting_for import WaitingFor
from models.yayoi.follow_up import FollowUp
from models.yayoi.identifiers import ContractId
from models.yayoi.mails import MailKind
from models.yayoi.messages import OfficeCase, OfficeProgress, Outcome, PairProblem, SendMail
from models.yayoi.pair_rules import PairRule
from models.yayoi.procedures import Stage

TOKEN_RULES = frozenset({PairRule.ONE_TO_ONE, PairRule.TOKEN_OF_THE_CONTRACT})
"""The rules of the check that the token can break."""

_NOTICES = frozenset({MailKind.COMPLETION_NOTICE, MailKind.LINK_ADDED})


@dataclass(frozen=True)
class EarlyExit:
    """The case ends before its end: how, and with which mail to the applicant."""

    outcome: Outcome
    mail: MailKind
    points: tuple[str, ...]


@dataclass
class OfficeState:
    """The state of a case while it runs."""

    case: OfficeCase
    follow_up: FollowUp
    office_name: str
    expires_on: date
    assignee: str | None
    stage: Stage = Stage.CHECK
    waiting_for: WaitingFor = WaitingFor.SYSTEM
    waits_until: date | None = None
    checked: bool = False
    """Whether the pair has been checked at all; `problems` says what was found last."""
    problems: tuple[PairProblem, ...] = ()
    problems_accepted: bool = False
    corrected: dict[str, str] = field(default_factory=dict)
    """What was corrected, by its name in the operators' language: shown to them while it is still wrong."""
    shared_with: tuple[str, ...] = ()
    sharing_ended: bool = False
    contract_id: ContractId | None = None
    notified_at: datetime | None = None
    overdue: bool = False
    held: bool = False
    failing: set[str] = field(default_factory=set)
    """The activities, by their types, that keep failing."""
    early_exit: EarlyExit | None = None
    outcome: Outcome | None = None
    open_points: Sequence[str] = ()
    visited: list[Stage] = field(default_factory=list)
    """The stages that were entered, each once, in their order; not those of undoing."""
    mails: dict[MailKind, SendMail] = field(default_factory=dict)
    """The newest mail of each kind that was sent, or refused."""
    undelivered: dict[MailKind, str] = field(default_factory=dict)
    """Mails to the customer that were refused for good and not sent again since, and why."""
    timeline: list[TimelineEntry] = field(default_factory=list)

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

    def enter(self, stage: Stage, waiting_for: WaitingFor, until: date | None) -> None:
        """Enter a stage, or stay there."""
        self.stage, self.waiting_for, self.waits_until = stage, waiting_for, until
        if stage not in self.visited and self.early_exit is None:
            self.visited.append(stage)

    @property
    def set_up_begun(self) -> bool:
        """Whether the customer has begun STEP5 (Y27)."""
        return bool(self.follow_up.done) or bool(self.follow_up.relinked)

    @property
    def whose_turn(self) -> WaitingFor:
        """Who has to act: what keeps failing needs an operator."""
        return WaitingFor.OPERATOR if self.failing else self.waiting_for

    @property
    def notice_undelivered(self) -> bool:
        """Whether the notice of the contract ID could not be delivered (Y18)."""
        return not self.undelivered.keys().isdisjoint(_NOTICES)

    @property
    def first_undelivered(self) -> MailKind | None:
        """The notice if it is undelivered, else the mail that was refused first."""
        return min(self.undelivered, key=lambda kind: kind not in _NOTICES, default=None)

    @property
    def token_in_doubt(self) -> bool:
        """Whether the pair's token may be that of another office (Y1, Y5)."""
        return not self.problems_accepted and any(problem.rule in TOKEN_RULES for problem in self.problems)

    @property
    def leaving(self) -> bool:
        return self.early_exit is not None or self.outcome is not None

    @property
    def _points_to_show(self) -> tuple[str, ...]:
        if self.stage is Stage.CORRECTION:
            return tuple(problem.message for problem in self.problems)
        return tuple(self.open_points)

    @property
    def progress(self) -> OfficeProgress:
        return OfficeProgress(
            office_no=self.case.office_no,
            office_name=self.office_name,
            stage=self.stage,
            waiting_for=self.whose_turn,
            waits_until=self.waits_until,
            contract_id=self.contract_id,
            open_points=self._points_to_show,
            outcome=self.outcome,
            overdue=self.overdue,
            held=self.held,
            assignee=self.assignee,
        )
