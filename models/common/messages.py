"""What every procedure and the common activities say to each other."""

from datetime import date, datetime

from models.common.message import Message


class TimelineEntry(Message):
    """One thing that happened to an office's case, at the case's own time."""

    at: datetime
    text: str


class SentMail(Message):
    """A mail that the SMTP server has taken."""

    message_id: str


class Assigned(Message):
    """The operator in charge; None if there is none to be had."""

    operator: str | None


class BusinessDays(Message):
    """Ask for the business days that lie `counts` business days after `day` (Y25)."""

    day: date
    counts: tuple[int, ...]


class BusinessDaysFound(Message):
    """One day for each count that was asked for."""

    days: tuple[date, ...]
