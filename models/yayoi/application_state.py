"""The state of an application as a whole: what its own workflow knows."""

from dataclasses import dataclass, field

from models.common.case_state import CaseState
from models.yayoi.mails import MailKind
from models.yayoi.messages import ApplicationCase, ApplicationProgress, OfficeOutcome
from models.yayoi.procedures import ApplicationStage


@dataclass(kw_only=True)
class ApplicationState(CaseState):
    """Its own stage, mails that were not delivered, and how each office has ended; what offices do is in their rows."""

    case: ApplicationCase
    stage: ApplicationStage = ApplicationStage.RECEIVED
    in_charge: str | None = None
    """The operator to whom all offices were given at first; the work is counted by the offices."""
    outcomes: dict[int, OfficeOutcome] = field(default_factory=dict)
    """By the offices' numbers; an office that has not ended is missing."""
    undelivered: dict[MailKind, str] = field(default_factory=dict)
    """Mails to the applicant that were refused for good, and why."""

    @classmethod
    def of(cls, case: ApplicationCase) -> "ApplicationState":
        return cls(case=case)

    @property
    def mail_undelivered(self) -> bool:
        return bool(self.undelivered)

    @property
    def at_rest(self) -> bool:
        """Each of its stages lasts, so each is published."""
        return True

    @property
    def all_ended(self) -> bool:
        return len(self.outcomes) == len(self.case.offices)

    @property
    def progress(self) -> ApplicationProgress:
        return ApplicationProgress(
            application_no=self.case.case_no,
            stage=self.stage,
            due_date=self.case.due_date,
            assignee=self.in_charge,
            undelivered=tuple(self.undelivered),
            offices=tuple(self.outcomes.values()),
        )
