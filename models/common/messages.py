"""The messages between every procedure and the common activities."""

from datetime import date, datetime

from models.common.message import Message

ACTIVITY_FAILING = "activity_failing"
"""The signal that carries which activity keeps failing."""
MAIL_REFUSED = "MailRefused"
"""The type of the failure of a mail that no further try will deliver: its address is refused for good, or is none."""
ROW_CHANGED = "row_changed"
"""The signal that says what was done on the pages to the row of a workflow."""


class TimelineEntry(Message):
    """One thing that happened to an office's case, at the case's own time."""

    at: datetime
    text: str


class SentMail(Message):
    """A mail that the SMTP server has taken."""

    message_id: str


class Assigned(Message):
    """The operator in charge; None if nobody is there."""

    operator: str | None


class BusinessDays(Message):
    """Which business days are wanted: those that lie `counts` business days after `day` (Y25)."""

    day: date
    counts: tuple[int, ...]


class BusinessDaysFound(Message):
    """One day for each count."""

    days: tuple[date, ...]
