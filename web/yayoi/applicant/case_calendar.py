"""The days of a case as a calendar file (RFC 5545): the due date, and what the customer has until when (Y11, Y27).

Each is a whole day in Japan, so that it is shown on that day wherever the calendar is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from icalendar import Calendar, Event

from models.common.waiting_for import WaitingFor
from models.tables import ApplicationOfficeRow, ApplicationRow, CaseStatusRow
from models.yayoi.procedures import Stage

_BEFORE_NOTICE = "完了のお知らせをお送りするまでの、予定の日です。"
_CHANGES = "期限が変わったときは、状況の画面から、この予定をもう一度登録してください（同じ予定が更新されます）。"


class DeadlineKind(StrEnum):
    """What a day is about; with case and office it is the event's identity, whatever day it is moved to."""

    DUE_DATE = "due-date"
    CORRECTION = "correction"
    RELEASE = "release"
    FOLLOW_UP = "follow-up"
    AFTER_CLOSING = "after-closing"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    DeadlineKind.DUE_DATE: "完了予定日",
    DeadlineKind.CORRECTION: "お申し込み内容の訂正の期限",
    DeadlineKind.RELEASE: "会計事務所との共有の解除の期限",
    DeadlineKind.FOLLOW_UP: "STEP5・STEP6・再連携の期限",
    DeadlineKind.AFTER_CLOSING: "残りの設定の期限",
}
_OF_STAGES = {
    Stage.CORRECTION: DeadlineKind.CORRECTION,
    Stage.SHARING: DeadlineKind.RELEASE,
    Stage.SET_UP: DeadlineKind.FOLLOW_UP,
    Stage.RELINK: DeadlineKind.FOLLOW_UP,
    Stage.AFTER_CLOSING: DeadlineKind.AFTER_CLOSING,
}
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
"""An event is numbered in seconds from here: a calendar's numbers have 32 bits, the versions of a row more."""
_AFTER_NOTICE = {Stage.SET_UP, Stage.RELINK, Stage.AFTER_CLOSING, Stage.CLOSED}


@dataclass(frozen=True)
class Deadline:
    """One day of a case, and when it was last changed, so that a calendar takes the newest."""

    kind: DeadlineKind
    day: date
    changed_at: datetime
    office_no: int | None = None
    office_name: str = ""

    @property
    def title(self) -> str:
        return f"{self.kind.label}（{self.office_name}）" if self.office_name else self.kind.label


def deadlines_of(
    application: ApplicationRow, pairs: Sequence[ApplicationOfficeRow], statuses: Mapping[int, CaseStatusRow]
) -> list[Deadline]:
    """Return the days that are still ahead of these pairs, as their rows say."""
    found = [
        Deadline(kind, status.until, status.changed_at, pair.office_no, pair.office_name)
        for pair in pairs
        if (status := statuses[pair.office_no]).until and (kind := _kind(pair, status))
    ]
    if any(_is_open(pair, status := statuses[pair.office_no]) and status.stage not in _AFTER_NOTICE for pair in pairs):
        found.insert(0, Deadline(DeadlineKind.DUE_DATE, application.due_date, application.applied_at))
    return found


def _is_open(pair: ApplicationOfficeRow, status: CaseStatusRow) -> bool:
    return pair.closed_at is None and not status.outcome


def _kind(pair: ApplicationOfficeRow, status: CaseStatusRow) -> DeadlineKind | None:
    """Return what the day is about that the row names; None if it is not the customer's to keep."""
    stage = Stage(status.stage)
    theirs = _is_open(pair, status) and status.waiting_for != WaitingFor.SYSTEM
    return _OF_STAGES.get(stage) if theirs or stage is Stage.AFTER_CLOSING else None


def as_calendar(application_no: str, deadlines: Sequence[Deadline], host: str) -> bytes:
    """Return the file. `host` makes its identifiers ours: where customers reach the web."""
    calendar = Calendar()
    calendar.add("prodid", "-//tetsuzuki//JA")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-timezone", "Asia/Tokyo")
    for deadline in deadlines:
        calendar.add_component(_event(application_no, deadline, host))
    return bytes(calendar.to_ical())


def _event(application_no: str, deadline: Deadline, host: str) -> Event:
    event = Event()
    changed_at = deadline.changed_at.astimezone(UTC).replace(microsecond=0)
    event.add("uid", f"{application_no}-{deadline.office_no or 'all'}-{deadline.kind}@{host}")
    event.add("dtstart", deadline.day)
    event.add("dtend", deadline.day + timedelta(days=1))  # the day after: it is not part of the event
    event.add("dtstamp", changed_at)
    event.add("last-modified", changed_at)
    event.add("sequence", int((changed_at - _FIRST).total_seconds()))
    event.add("transp", "TRANSPARENT")
    event.add("summary", f"【弥生】{deadline.title}")
    what = _BEFORE_NOTICE if deadline.kind is DeadlineKind.DUE_DATE else "日本時間で、この日の終わりまでです。"
    event.add("description", f"申込番号：{application_no}\n{what}\n{_CHANGES}")
    return event
