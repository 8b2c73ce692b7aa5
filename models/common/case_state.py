"""What every procedure knows of its case while it runs; each adds what is its own."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from models.common.messages import LostOperation, TimelineEntry
from models.common.waiting_for import WaitingFor


@dataclass(kw_only=True)
class CaseState:
    """The part of a case's state that the engine reads and changes."""

    stage: StrEnum
    waiting_for: WaitingFor = WaitingFor.SYSTEM
    waits_until: date | None = None
    """The last day of what is waited for, in Japan."""
    assignee: str | None = None
    overdue: bool = False
    held: bool = False
    failing: frozenset[str] = frozenset()
    """The activities, by their types, that keep failing."""
    refused: str | None = None
    """Why a system has refused a step for good, in Japanese: it waits for an operator."""
    outcome: StrEnum | None = None
    turn_since: datetime | None = None
    """Since when it waits for an operator who has not acted yet."""
    cancellation_asked: bool = False
    """Whether Temporal's own *Request Cancellation* asks for an operator: it does not say who asks."""
    lost: tuple[LostOperation, ...] = ()
    """Operations that a Reset has not taken again: an operator decides which are still wanted."""
    timeline: list[TimelineEntry] = field(default_factory=list)

    @property
    def ending(self) -> StrEnum | None:
        """How it is ending early, while it is being undone (Y27)."""
        return None

    @property
    def leaving(self) -> bool:
        """Whether it is over and only its end is being recorded: nothing can be done with it any more."""
        return self.ending is not None or self.outcome is not None

    @property
    def what_is_lost(self) -> str:
        """What operators read of it; empty if nothing is."""
        if not self.lost:
            return ""
        operations = "、".join(each.shown for each in self.lost)
        return f"Reset で戻した後、次の操作がやり直されていません：{operations}。"

    @property
    def row_is_known(self) -> bool:
        """Whether it knows all that its row says: a case that was reset begins without."""
        return True

    @property
    def due_on(self) -> date | None:
        """The day by which what the customer was promised is due, while it is."""
        return None

    @property
    def mail_undelivered(self) -> bool:
        """Whether a mail to the customer did not arrive, and none like it has since."""
        return False

    @property
    def awaits_approval(self) -> bool:
        """Whether a supervisor is asked to approve something."""
        return False

    @property
    def points(self) -> tuple[str, ...]:
        """What is wrong or still open, in the applicant's words."""
        return ()

    @property
    def whose_turn(self) -> WaitingFor:
        """Who has to act: what keeps failing, was refused or is held needs an operator."""
        return WaitingFor.OPERATOR if self.failing or self.refused or self.held else self.waiting_for

    @property
    def at_rest(self) -> bool:
        """Whether it waits for a person, or has ended."""
        return self.waiting_for is not WaitingFor.SYSTEM or self.outcome is not None
