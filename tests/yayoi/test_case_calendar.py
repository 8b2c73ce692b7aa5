"""The days of a case as a calendar file: read back by the library, and on the day in Japan that is meant."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar
from sqlalchemy import update

from models.common.waiting_for import WaitingFor
from models.tables import ApplicationOfficeRow, ApplicationRow, CaseStatusRow
from models.yayoi.case_links import calendar_address, case_path, link_expiry
from models.yayoi.procedures import Stage
from tests.support.web import SECRET, TOKEN_C, Web, pair, text_of
from web.yayoi.applicant.case_calendar import Deadline, DeadlineKind, as_calendar, deadlines_of

NO, HOST = "YS-000001", "apply.example.co.jp"
AT = datetime(2026, 11, 4, 15, 30, tzinfo=UTC)  # the 5th in Japan
DAYS = st.dates(date(2020, 1, 1), date(2100, 1, 1))


def events(content: bytes) -> list[Any]:
    return list(Calendar.from_ical(content).walk("VEVENT"))


@given(DAYS, st.text(max_size=40))
def test_an_event_is_one_whole_day_wherever_it_is_read(day: date, name: str) -> None:
    deadline = Deadline(DeadlineKind.RELEASE, day, AT, 2, name)
    content = as_calendar(NO, [deadline], HOST)
    [event] = events(content)
    assert (event["dtstart"].dt, event["dtend"].dt) == (day, day + timedelta(days=1))
    assert event["dtstart"].params == {"VALUE": "DATE"}  # no hour, and no zone that could move it
    assert event["uid"] == f"YS-000001-2-release@{HOST}"
    assert event["dtstamp"].dt == event["last-modified"].dt == AT
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))


def test_a_day_that_is_moved_is_the_same_event_with_a_higher_number() -> None:
    [before], [after] = (
        events(as_calendar(NO, [Deadline(DeadlineKind.CORRECTION, day, at, 1, "B 商店")], HOST))
        for day, at in ((date(2026, 11, 27), AT), (date(2026, 12, 4), AT + timedelta(seconds=1)))
    )
    assert before["uid"] == after["uid"]
    assert before["sequence"] < after["sequence"]
    assert after["dtstart"].dt == date(2026, 12, 4)


@given(st.timedeltas(timedelta(0), timedelta(days=20_000)).map(AT.__add__))
def test_an_event_has_a_number_that_every_calendar_reads(at: datetime) -> None:
    """The version of a status row counts milliseconds, which is more than a number in a calendar may be."""
    [event] = events(as_calendar(NO, [Deadline(DeadlineKind.RELEASE, date(2026, 11, 30), at, 1, "B 商店")], HOST))
    assert 0 < event["sequence"] < 2**31


def status(stage: Stage, until: date | None = None, waiting_for: WaitingFor = WaitingFor.APPLICANT) -> CaseStatusRow:
    return CaseStatusRow(stage=stage, until=until, waiting_for=waiting_for, version=7, changed_at=AT, outcome=None)


APPLICATION = ApplicationRow(application_no=NO, due_date=date(2026, 11, 20), applied_at=AT)
PAIRS = [ApplicationOfficeRow(office_no=number, office_name=name) for number, name in ((1, "B 商店"), (2, "C 商店"))]
UNTIL = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (status(Stage.CHECK), status(Stage.CHECK), [("due-date", None)]),
        (
            status(Stage.CORRECTION, UNTIL),
            status(Stage.SHARING, UNTIL),
            [("due-date", None), ("correction", 1), ("release", 2)],
        ),
        (
            status(Stage.SET_UP, UNTIL),
            status(Stage.SHARING, UNTIL),
            [("due-date", None), ("follow-up", 1), ("release", 2)],
        ),
        (status(Stage.RELINK, UNTIL), status(Stage.SET_UP, UNTIL), [("follow-up", 1), ("follow-up", 2)]),
        (
            status(Stage.AFTER_CLOSING, UNTIL),
            status(Stage.AFTER_CLOSING, UNTIL),
            [("after-closing", 1), ("after-closing", 2)],
        ),
        (status(Stage.SHARING, UNTIL, WaitingFor.SYSTEM), status(Stage.SET_UP), [("due-date", None)]),
    ],
)
def test_y11_y25_y27_the_days_are_those_that_the_rows_say(
    first: CaseStatusRow, second: CaseStatusRow, found: list[tuple[str, int | None]]
) -> None:
    deadlines = deadlines_of(APPLICATION, PAIRS, {1: first, 2: second})
    assert [(deadline.kind.value, deadline.office_no) for deadline in deadlines] == found
    assert {deadline.day for deadline in deadlines} <= {UNTIL, APPLICATION.due_date}


def test_y25_of_pairs_that_have_ended_only_the_day_until_which_the_rest_can_be_done_is_left() -> None:
    over = {"waiting_for": WaitingFor.SYSTEM, "version": 9, "changed_at": AT, "outcome": "未完了の項目あり"}
    ended = CaseStatusRow(stage=Stage.CLOSED, until=None, **over)
    late = CaseStatusRow(stage=Stage.AFTER_CLOSING, until=UNTIL, **over)
    assert deadlines_of(APPLICATION, PAIRS, {1: ended, 2: ended}) == []
    [left] = deadlines_of(APPLICATION, PAIRS, {1: ended, 2: late})
    assert (left.kind, left.day, left.office_no) == (DeadlineKind.AFTER_CLOSING, UNTIL, 2)


async def test_whoever_holds_the_link_gets_the_days_of_what_it_shows(web: Web) -> None:
    no = await web.applied(pair(), pair("c@example.co.jp", TOKEN_C))
    row = await web.row(no)
    for number, stage in ((1, Stage.CORRECTION), (2, Stage.SHARING)):
        await web.waits_at(no, number, stage, until=UNTIL)
    until = link_expiry(row.due_date)
    whole, office = case_path(SECRET, no, until), case_path(SECRET, no, until, 2)
    page = await web.http.get(whole)
    assert f'href="{calendar_address(whole)}"'.replace("&", "&amp;") in page.text
    assert "お申し込み内容の訂正の期限（B 商店）：2026年11月30日（月）" in text_of(page)
    answer = await web.http.get(calendar_address(whole))
    assert answer.headers["content-type"].startswith("text/calendar")
    assert answer.headers["content-disposition"] == f'attachment; filename="{no}.ics"'
    assert len(events(answer.content)) == 3
    titles = [str(event["summary"]) for event in events((await web.http.get(calendar_address(office))).content)]
    assert titles == ["【弥生】完了予定日", "【弥生】会計事務所との共有の解除の期限（C 商店）"]
    assert (await web.http.get(urlsplit(calendar_address(whole)).path)).status_code == 404
    async with web.sessions.begin() as session:
        await session.execute(update(CaseStatusRow).filter_by(case_no=no).values(stage=Stage.CLOSED, until=None))
    assert "いまはありません" in text_of(await web.http.get(calendar_address(whole)))
