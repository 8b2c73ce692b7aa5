"""The supervisor's overview: what it counts and measures, what is due beside what can be done, and who sees it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from models.backoffice.overview import AGE_NAMES, DUE_DAYS, Overview, age_class
from models.backoffice.store.overview_figures import OverviewFigures
from models.common.operators import Role
from models.tables import AuditRow, CaseStageRow
from models.yayoi.procedures import OFFICE_WORKFLOW, Stage
from tests.support.desk import DeskSite
from tests.support.listed_cases import ListedOffice, fill_offices
from tests.support.web import text_of
from web.backoffice.desk_administration import NO_CAPACITY

NOW = datetime(2026, 11, 5, 1, 0, tzinfo=UTC)
"""A Thursday."""


async def overview(desk: DeskSite) -> Overview:
    figures: OverviewFigures = desk.app.state.services[OverviewFigures]
    return await figures.read()


def since(days: int, stage: Stage = Stage.SHARING) -> dict[str, Any]:
    return {"stage": stage, "since": NOW - timedelta(days=days)}


async def test_open_cases_are_counted_by_stage_and_by_how_long_they_are_in_it(desk: DeskSite) -> None:
    await fill_offices(
        desk.sessions,
        *(ListedOffice(number, status=since(days)) for number, days in enumerate((0, 0, 2, 6, 13, 29, 30, 400), 1)),
        ListedOffice(9, status=since(5, Stage.SET_UP)),
        ListedOffice(10, status=since(5) | {"outcome": "完了"}),
    )
    first, second = (await overview(desk)).ages
    assert (first.stage, first.procedure, first.total) == (Stage.SHARING, OFFICE_WORKFLOW, 8)
    assert dict(zip(AGE_NAMES, first.cases, strict=True)) == {
        "今日": 2,
        "昨日・おととい": 1,
        "1 週間以内": 1,
        "2 週間以内": 1,
        "1 か月以内": 1,
        "1 か月を超える": 2,
    }
    assert (second.stage, second.total) == (Stage.SET_UP, 1)
    assert [age_class(days) for days in (0, 1, 2, 3, 7, 14, 30)] == [0, 1, 1, 2, 3, 4, 5]


async def test_of_each_stage_the_middle_and_nine_of_ten_are_measured_by_when_it_was_left(desk: DeskSite) -> None:
    await fill_offices(desk.sessions, *(ListedOffice(number) for number in range(1, 12)))
    async with desk.sessions.begin() as session:
        await session.execute(delete(CaseStageRow))
        for number in range(1, 12):
            entered = NOW - timedelta(days=40)
            for version, (stage, after) in enumerate(((Stage.SHARING, 0), (Stage.ISSUE, number)), 1):
                at = entered + timedelta(days=after)
                key = {"case_no": f"YS-{number:06d}", "part": 1, "entered": version}
                session.add(CaseStageRow(**key, stage=stage, entered_at=at))
            before = {"case_no": f"YS-{number:06d}", "part": 1, "entered": 0}
            session.add(CaseStageRow(**before, stage=Stage.CORRECTION, entered_at=NOW - timedelta(days=200)))
    lengths = {each.stage: each for each in (await overview(desk)).lengths}
    assert lengths.keys() == {Stage.SHARING}  # what is not left yet, and what is long ago, says nothing
    sharing = lengths[Stage.SHARING]
    assert (sharing.cases, sharing.median, sharing.ninth) == (11, 6.0, 10.0)


async def test_what_is_due_stands_beside_what_those_who_are_there_can_do(desk: DeskSite) -> None:
    tomorrow = date(2026, 11, 6)
    await fill_offices(
        desk.sessions,
        *(ListedOffice(number, status={"due_on": tomorrow}) for number in range(1, 9)),
        ListedOffice(9, status={"due_on": date(2026, 11, 7)}),
        ListedOffice(10, status={"due_on": date(2026, 11, 4)}),
        ListedOffice(11, status={"due_on": date(2026, 12, 31)}),
        ListedOffice(12, status={"due_on": None}),
    )
    await desk.change("sk", capacity=4, leave_from=date(2026, 11, 9), leave_until=date(2026, 11, 9))
    await desk.change("tn", capacity=2)
    seen = await overview(desk)
    assert seen.overdue == 1
    due = {each.day: each for each in seen.due}
    assert (due[tomorrow].due, due[tomorrow].capacity, due[tomorrow].too_much) == (8, 6, True)
    assert (due[date(2026, 11, 7)].business_day, due[date(2026, 11, 7)].capacity) == (False, 0)
    assert date(2026, 11, 8) not in due
    assert due[date(2026, 11, 9)].capacity == 2
    assert max(due) < date(2026, 11, 5) + timedelta(days=DUE_DAYS)


async def test_ends_are_counted_and_who_did_what_today(desk: DeskSite) -> None:
    ended = {"outcome": "却下", "changed_at": NOW - timedelta(days=3)}
    await fill_offices(
        desk.sessions,
        ListedOffice(1, status=ended),
        ListedOffice(2, status=ended),
        ListedOffice(3, status=ended | {"outcome": "完了"}),
        ListedOffice(4, status=ended | {"changed_at": NOW - timedelta(days=100)}),
    )
    async with desk.sessions.begin() as session:
        acts = (
            ("operator:sk", "対応を記録する（メモ）", NOW),
            ("operator:sk", "対応を記録する（メモ）", NOW),
            ("operator:sk", "期限を延ばす：2026-12-01まで", NOW),
            ("operator:gone", "保留にする", NOW),
            ("operator:tn", "保留にする", NOW - timedelta(days=1)),
            ("system", "担当者を決めた", NOW),
        )
        for number, (by, action, at) in enumerate(acts, 1):
            place = {"case_no": "YS-000001", "part": 1, "sequence": number}
            proof = dict.fromkeys(("rule", "commitment", "previous", "hash"), "")
            session.add(AuditRow(recorded_at=at, happened_at=at, action=action, by=by, **place, **proof))
    seen = await overview(desk)
    assert [(each.outcome, each.cases) for each in seen.ends] == [("却下", 2), ("完了", 1)]
    assert [(each.by, list(each.acts)) for each in seen.acts] == [
        ("佐藤", [("対応を記録する（メモ）", 2), ("期限を延ばす", 1)]),
        ("担当者 gone", [("保留にする", 1)]),
    ]


@pytest.mark.parametrize(("handle", "sees"), [("sk", False), ("tn", True), ("kn", True), ("mr", False)])
async def test_supervisors_and_auditors_see_pictures_with_their_numbers(
    desk: DeskSite, handle: str, sees: bool
) -> None:
    await fill_offices(desk.sessions, ListedOffice(1, status=since(5)), ListedOffice(2, status={"outcome": "完了"}))
    await desk.sign_in(handle)
    answer = await desk.http.get("/desk/overview")
    assert answer.status_code == (200 if sees else 403)
    assert ("/desk/overview" in (await desk.http.get("/desk")).text) is sees
    if sees:
        assert '<svg class="bar"' in answer.text
        assert "style=" not in answer.text  # the policy lets no inline style through
        assert "共有解除待ち" in text_of(answer)


async def test_an_administrator_sets_what_somebody_can_do_in_a_day(desk: DeskSite) -> None:
    await desk.add("ad", Role.ADMINISTRATOR)
    await desk.sign_in("ad")
    await desk.http.post("/desk/operators/sk/capacity", data={"capacity": "１２"})
    assert (await desk.operator("sk")).capacity == 12
    for typed in ("-1", "101", "x", "", "1" * 50):
        assert NO_CAPACITY in text_of(await desk.http.post("/desk/operators/sk/capacity", data={"capacity": typed}))
    assert ("sk", "capacity_changed", {"capacity": 12}) in await desk.audited()
