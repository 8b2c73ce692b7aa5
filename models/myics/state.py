"""The state of one registration while it runs: it is shown, and decides which operations are possible."""

from dataclasses import dataclass, field
from datetime import date, datetime

from models.common.messages import TimelineEntry
from models.common.waiting_for import WaitingFor
from models.myics.identifiers import RegistrationNo
from models.myics.registrations import (
    RegistrationCase,
    RegistrationChanged,
    RegistrationKind,
    RegistrationOutcome,
    RegistrationProgress,
    RegistrationStage,
)


@dataclass(frozen=True)
class Withdrawal:
    """Who has ended the registration before its end, and why."""

    by: str
    reason: str


@dataclass
class RegistrationState:
    """What is known of a registration while it runs."""

    case: RegistrationCase
    expires_on: date
    assignee: str | None
    stage: RegistrationStage = RegistrationStage.RECEIVED
    waiting_for: WaitingFor = WaitingFor.SYSTEM
    link_no: int = 0
    locked: bool = False
    undelivered: bool = False
    """Whether the mail that brings the link was refused for good: the registrant cannot go on."""
    failing: set[str] = field(default_factory=set)
    """Activities that keep failing."""
    withdrawal: Withdrawal | None = None
    closing: bool = False
    """Whether it is over and only its end is being recorded."""
    outcome: RegistrationOutcome | None = None
    changed_at: datetime | None = None
    users: dict[RegistrationNo, RegistrationOutcome | None] = field(default_factory=dict)
    """Of a client: the outcomes of its first users' registrations; None: not ended."""
    timeline: list[TimelineEntry] = field(default_factory=list)

    @classmethod
    def of(cls, case: RegistrationCase) -> "RegistrationState":
        return cls(
            case=case,
            expires_on=case.expires_on,
            assignee=case.assignee,
            locked=case.kind is RegistrationKind.UNLOCKING,
            timeline=[TimelineEntry(at=case.requested_at, text="登録を受け付けた")],
        )

    @property
    def leaving(self) -> bool:
        return self.withdrawal is not None or self.closing

    @property
    def operator_turn(self) -> bool:
        return self.waiting_for is WaitingFor.OPERATOR

    def take(self, changed: RegistrationChanged) -> bool:
        """Take what the registrant has done; False if that is known."""
        if self.changed_at is not None and changed.changed_at <= self.changed_at:
            return False
        self.changed_at = changed.changed_at
        self.stage, self.locked = changed.stage, changed.locked
        return True

    @property
    def progress(self) -> RegistrationProgress:
        return RegistrationProgress(
            registration_no=self.case.registration_no,
            kind=self.case.kind,
            stage=self.stage,
            waiting_for=self.waiting_for,
            expires_on=self.expires_on,
            locked=self.locked,
            link_no=self.link_no,
            assignee=self.assignee,
            outcome=self.outcome,
            timeline=tuple(self.timeline),
        )
