"""The state of one registration while it runs: it is shown, and decides which operations are possible."""

from dataclasses import dataclass, field
from datetime import date, datetime

from models.common.case_state import CaseState
from models.common.messages import TimelineEntry
from models.common.waiting_for import WaitingFor
from models.myics.identifiers import RegistrationNo
from models.myics.registrations import (
    RegistrationCase,
    RegistrationOutcome,
    RegistrationProgress,
    RegistrationStage,
)


@dataclass(frozen=True)
class Withdrawal:
    """Who has ended the registration before its end, and why."""

    by: str
    reason: str
    text_for_customer: str = ""
    """What the registrant reads about why; the reason stays in the audit trail."""


@dataclass(kw_only=True)
class RegistrationState(CaseState):
    """What is known of a registration while it runs."""

    case: RegistrationCase
    expires_on: date
    stage: RegistrationStage
    outcome: RegistrationOutcome | None = None
    link_no: int = 0
    locked: bool = False
    undelivered: bool = False
    """Whether the mail that brings the link was refused for good: the registrant cannot go on."""
    withdrawal: Withdrawal | None = None
    closing: bool = False
    """Whether it is over and only its end is being recorded."""
    changed_at: datetime | None = None
    """Of the newest change on the pages that was taken."""
    corrections: int = 0
    """How many corrections of the address that is being checked have been taken."""
    users: dict[RegistrationNo, RegistrationOutcome | None] = field(default_factory=dict)
    """Of a client: the outcomes of its first users' registrations; None: not ended."""

    @classmethod
    def of(cls, case: RegistrationCase) -> "RegistrationState":
        return cls(
            case=case,
            expires_on=case.expires_on,
            stage=case.kind.first_stage,
            timeline=[TimelineEntry(at=case.requested_at, text="登録を受け付けた")],
        )

    @property
    def mail_undelivered(self) -> bool:
        return self.undelivered

    @property
    def leaving(self) -> bool:
        return self.withdrawal is not None or self.closing

    @property
    def operator_turn(self) -> bool:
        return self.waiting_for is WaitingFor.OPERATOR

    @property
    def needs_operator(self) -> bool:
        """Whether only an operator can let it go on, also if one has acted already."""
        return self.undelivered or self.locked or self.refused is not None

    @property
    def progress(self) -> RegistrationProgress:
        return RegistrationProgress(
            registration_no=self.case.case_no,
            kind=self.case.kind,
            stage=self.stage,
            waiting_for=self.whose_turn,
            expires_on=self.expires_on,
            locked=self.locked,
            link_no=self.link_no,
            assignee=self.assignee,
            outcome=self.outcome,
            timeline=tuple(self.timeline),
        )
