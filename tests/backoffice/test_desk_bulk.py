"""One operation on many cases: chosen, judged by each case's own rules, confirmed once, and each sent once."""

import asyncio
import re
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from models.backoffice.bulk_actions import MOST_CASES, NO_MAIL, NO_SUCH_OPERATION, NOT_BEGUN, OTHERS
from models.backoffice.store.bulk_rows import BulkActions
from models.common.operators import Role
from models.myics.registrations import RegistrationKind
from models.tables import BulkActionRow, BulkLineRow, NoticeRow
from tests.support.desk import DeskSite
from tests.support.listed_cases import ListedOffice, ListedRegistration, fill_offices, fill_registrations
from tests.support.web import text_of
from web.backoffice.desk_bulk import BEFORE_LEAVE, NONE_CHOSEN, NOTHING_TO_CONFIRM, STILL_JUDGED
from web.backoffice.desk_bulk_jobs import BulkJobs
from web.common.operation_sender import Done, NotKnown, Refused

MINE = {"assignee": "sk"}
ENDED = MINE | {"outcome": "完了", "stage": "終了"}


async def chosen(desk: DeskSite, *cases: str, **more: str) -> str:
    """Choose cases in the list; return the address of the bulk action."""
    answer = await desk.http.post("/desk/bulk", data={"cases": list(cases), **more})
    assert answer.status_code == 303, text_of(answer)
    return str(answer.headers["location"])


async def judged(desk: DeskSite, place: str, **said: str) -> str:
    """Say what to do, let it be judged, and return the page."""
    answer = await desk.http.post(place, data={"reason": "担当の変更のため", **said})
    assert (answer.status_code, answer.headers.get("location")) == (303, place), text_of(answer)
    await jobs(desk).judge_all()
    return text_of(await desk.http.get(place))


def jobs(desk: DeskSite) -> BulkJobs:
    found: BulkJobs = desk.app.state.services[BulkJobs]
    return found


async def lines(desk: DeskSite) -> dict[str, BulkLineRow]:
    return {row.case_no: row for row in await desk.rows(select(BulkLineRow).order_by(BulkLineRow.case_no))}


async def test_each_case_is_judged_by_its_own_rules_and_what_can_be_done_is_signed_and_sent_once(
    desk: DeskSite,
) -> None:
    await fill_offices(
        desk.sessions,
        ListedOffice(1, status=MINE),
        ListedOffice(2, status=MINE),
        ListedOffice(3, status={"assignee": "tn"}),
        ListedOffice(4),
        ListedOffice(5, status={"first_run_id": None}),
    )
    await fill_registrations(
        desk.sessions, ListedRegistration(1, RegistrationKind.REPRESENTATIVE, "青葉 一郎", "青葉会計事務所")
    )
    await desk.sign_in("sk")
    desk.cases.refusals["application/YS-000002/office/1"] = "この手続きは、すでに終了したか、終了の処理中です。"
    place = await chosen(
        desk, *(f"YS-00000{number}/1" for number in range(1, 6)), "MR-000001/0", "YS-000001/0", "YS-999999/1", "x"
    )
    first = text_of(await desk.http.get(place))
    assert "一括操作（7 件）" in first
    assert "操作を選ぶ" in first
    page = await judged(desk, place, kind="hand_over", to="tn")
    assert "3 件を実行できます" in page
    assert "この手続きは、すでに終了したか、終了の処理中です。" in page
    assert [each for each in (OTHERS, NO_SUCH_OPERATION, NOT_BEGUN) if each not in page] == []
    asked = {(workflow, operation) for workflow, operation, _ in desk.cases.asked}
    offices = {(f"application/YS-00000{number}/office/1", "hand_over") for number in (1, 2, 4)}
    assert asked == offices | {("myics/MR-000001", "hand_over")}
    assert desk.operations.signed == []

    answers = [await desk.http.post(f"{place}/confirm", data={"form_id": str(number)}) for number in range(2)]
    assert {answer.headers["location"] for answer in answers} == {place}
    await asyncio.gather(*(jobs(desk).send_all() for _ in range(3)))
    bulk_id = place.rsplit("/", 1)[1]
    sent = {each.place.case: each for each in desk.operations.signed}
    assert len(desk.operations.signed) == len(sent) == 3
    one = sent["application/YS-000001/office/1"]
    assert one.place == ("application/YS-000001/office/1", "first", "hand_over", f"{bulk_id}/YS-000001/1")
    assert one.message == {"reason": "担当の変更のため", "to": "tn"}
    assert one.entry == b"operator:sk"
    done = text_of(await desk.http.get(place))
    assert "実行が終わりました。実行済み 3 件、できなかったもの 4 件。" in done
    progress = await desk.http.get(f"{place}/progress")
    assert "結果を表示する" in progress.text
    assert "refresh" not in progress.headers
    assert "7 件" in text_of(await desk.http.get("/desk/bulk"))


async def test_before_a_leave_all_of_ones_own_cases_are_handed_over_at_once(desk: DeskSite) -> None:
    """Also those that customers lead by themselves, which no list shows."""
    await fill_offices(desk.sessions, ListedOffice(1, status=MINE), ListedOffice(2), ListedOffice(3, status=ENDED))
    await fill_registrations(desk.sessions, ListedRegistration(1, RegistrationKind.USER, "青葉 一郎", "青葉会計事務所"))
    await desk.set_status("MR-000001", **MINE)
    await desk.sign_in("sk")
    assert "担当している案件が 2 件あります" in text_of(await desk.http.get("/desk/me?done=leave"))
    begun = await desk.http.post("/desk/bulk", data={"own": "1"})
    page = await desk.http.get(begun.headers["location"])
    assert "一括操作（2 件）" in text_of(page)
    assert BEFORE_LEAVE in page.text
    assert re.search(r'value="hand_over"\s+checked', page.text)
    place = begun.headers["location"].partition("?")[0]
    assert "2 件を実行できます" in await judged(desk, place, kind="hand_over", to="tn")


async def test_what_a_case_refuses_when_it_is_sent_is_kept_and_what_nobody_answers_is_sent_again(
    desk: DeskSite,
) -> None:
    await fill_offices(desk.sessions, *(ListedOffice(number, status=MINE) for number in (1, 2)))
    await desk.sign_in("sk")
    place = await chosen(desk, "YS-000001/1", "YS-000002/1")
    await judged(desk, place, kind="note")
    await desk.http.post(f"{place}/confirm")
    desk.operations.outcome = NotKnown()
    await jobs(desk).send_all()
    assert {each.answered_at for each in (await lines(desk)).values()} == {None}
    waiting = await desk.http.get(f"{place}/progress")
    assert "残り 2 件" in waiting.text
    assert waiting.headers["refresh"] == "3"
    desk.operations.outcome = Refused("この案件は、すでに終了しています。")
    await jobs(desk).send_all()
    assert "この案件は、すでに終了しています。" in text_of(await desk.http.get(place))
    assert {each.refused_because for each in (await lines(desk)).values()} == {"この案件は、すでに終了しています。"}
    # The same update however often it is sent: so it takes effect once.
    assert len({(each.place.update_id, str(each.message)) for each in desk.operations.signed}) == 2


async def test_a_process_that_dies_while_it_sends_leaves_the_line_to_the_others(desk: DeskSite) -> None:
    await fill_offices(desk.sessions, *(ListedOffice(number, status=MINE) for number in range(1, 4)))
    await desk.sign_in("sk")
    place = await chosen(desk, *(f"YS-00000{number}/1" for number in range(1, 4)))
    await judged(desk, place, kind="note")
    await desk.http.post(f"{place}/confirm")
    actions: BulkActions = desk.app.state.services[BulkActions]
    begun, never = asyncio.Event(), asyncio.Event()

    async def send(_: BulkLineRow) -> Any:
        begun.set()
        await never.wait()

    dying = asyncio.create_task(actions.send_next(send))
    await begun.wait()
    await jobs(desk).send_all()
    assert len(desk.operations.signed) == 2  # nobody else sends what one has under way
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await jobs(desk).send_all()
    assert len({each.place.case for each in desk.operations.signed}) == 3
    assert all(each.answered_at for each in (await lines(desk)).values())


async def test_the_mail_that_did_not_arrive_is_sent_again_else_the_last_one(desk: DeskSite) -> None:
    await fill_offices(desk.sessions, *(ListedOffice(number, status=MINE) for number in (1, 2, 3)))
    async with desk.sessions.begin() as session:
        for number, kind, lost in (
            *((1, "correction_needed", "宛先がありません"), (1, "delay", None), (1, "operator_reminder", "x")),
            *((2, "correction_needed", None), (2, "delay", None)),
        ):
            key = f"{number}:{kind}"
            session.add(
                NoticeRow(
                    key=key,
                    case_no=f"YS-00000{number}",
                    part=1,
                    kind=kind,
                    recipient="p@example.jp",
                    subject="件名",
                    message_id=f"<{key}@example.jp>",
                    refused_because=lost,
                )
            )
            await session.flush()
    await desk.sign_in("sk")
    page = await judged(desk, await chosen(desk, *(f"YS-00000{number}/1" for number in (1, 2, 3))), kind="resend")
    assert NO_MAIL in page
    kinds = {workflow: message["kind"] for workflow, _, message in desk.cases.asked}
    assert kinds["application/YS-000001/office/1"] == "correction_needed"
    assert kinds.keys() == {"application/YS-000001/office/1", "application/YS-000002/office/1"}


async def test_a_supervisor_acts_on_others_cases_and_on_a_whole_list_of_five_hundred_at_most(desk: DeskSite) -> None:
    await fill_offices(desk.sessions, ListedOffice(1, status=MINE), ListedOffice(2, status=MINE))
    await desk.sign_in("tn")
    place = await chosen(desk, show="all", who="sk", all="1")
    assert "2 件を実行できます" in await judged(desk, place, kind="extend", until="2026-12-01")
    assert {message["until"] for _, _, message in desk.cases.asked} == {"2026-12-01"}
    # Before it is confirmed, it can be said anew; afterwards not.
    assert "2 件を実行できます" in await judged(desk, place, kind="note")
    await desk.http.post(f"{place}/confirm")
    await desk.http.post(place, data={"kind": "hand_over", "to": "tn", "reason": "別の理由"})
    [action] = await desk.rows(select(BulkActionRow))
    assert (action.kind, action.content) == ("note", {"reason": "担当の変更のため"})
    await desk.http.post(f"{place}/remove")
    assert len(await desk.rows(select(BulkActionRow))) == 1
    assert MOST_CASES == 500


async def test_as_many_cases_as_are_allowed_are_chosen_by_one_form(desk: DeskSite) -> None:
    await fill_offices(desk.sessions, ListedOffice(1, status=MINE))
    await desk.sign_in("sk")
    others = [f"YS-{number:06d}/1" for number in range(2, MOST_CASES + 1)]
    place = await chosen(desk, "YS-000001/1", *others)
    assert re.fullmatch(r"/desk/bulk/[0-9a-f-]{36}", place)
    assert "一括操作（1 件）" in text_of(await desk.http.get(place))


async def test_a_case_that_went_to_a_colleague_meanwhile_is_left_to_them(desk: DeskSite) -> None:
    await fill_offices(desk.sessions, ListedOffice(1, status=MINE), ListedOffice(2, status=MINE))
    await desk.sign_in("sk")
    place = await chosen(desk, "YS-000001/1", "YS-000002/1")
    await judged(desk, place, kind="note")
    await desk.set_status("YS-000001", assignee="tn")
    await desk.http.post(f"{place}/confirm")
    await jobs(desk).send_all()
    assert [each.place.case for each in desk.operations.signed] == ["application/YS-000002/office/1"]
    assert (await lines(desk))["YS-000001"].refused_because == OTHERS


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"kind": "", "reason": "x"}, "kind"),
        ({"kind": "cancel", "reason": "x"}, "kind"),
        ({"kind": "note", "reason": " "}, "reason"),
        ({"kind": "hand_over", "reason": "x"}, "to"),
        ({"kind": "hand_over", "reason": "x", "to": "だれか"}, "to"),
        ({"kind": "hand_over", "reason": "x", "to": "森"}, "to"),
        ({"kind": "extend", "reason": "x", "until": "11/31"}, "until"),
        ({"kind": "extend", "reason": "x"}, "until"),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field(desk: DeskSite, said: dict[str, str], field: str) -> None:
    await fill_offices(desk.sessions, ListedOffice(1, status=MINE))
    await desk.sign_in("sk")
    place = await chosen(desk, "YS-000001/1")
    refused = await desk.http.post(place, data=said)
    assert refused.status_code == 422
    assert f'id="{field}-error"' in refused.text
    [action] = await desk.rows(select(BulkActionRow))
    assert action.kind is None


async def test_nothing_is_done_before_it_is_judged_and_none_but_its_owner_confirms(desk: DeskSite) -> None:
    await fill_offices(desk.sessions, ListedOffice(1, status=MINE))
    await desk.add("su", Role.SUPERVISOR)
    await desk.sign_in("sk")
    assert NONE_CHOSEN in text_of(await desk.http.post("/desk/bulk", data={"show": "mine"}))
    place = await chosen(desk, "YS-000001/1")
    assert STILL_JUDGED in text_of(await desk.http.post(f"{place}/confirm"))
    await desk.http.post(place, data={"kind": "note", "reason": "x"})
    assert STILL_JUDGED in text_of(await desk.http.post(f"{place}/confirm", data={"form_id": "1"}))
    desk.cases.refusals["application/YS-000001/office/1"] = "できません。"
    await jobs(desk).judge_all()
    assert NOTHING_TO_CONFIRM in text_of(await desk.http.post(f"{place}/confirm", data={"form_id": "2"}))
    async with desk.browser() as other:
        await desk.sign_in("su", other)
        assert (await other.get(place)).status_code == 200
        for path in (place, f"{place}/confirm", f"{place}/remove"):
            assert (await other.post(path, data={"kind": "note", "reason": "x"})).status_code == 404
    async with desk.browser() as colleague:
        await desk.add("cw", Role.CASEWORKER)
        await desk.sign_in("cw", colleague)
        assert (await colleague.get(place)).status_code == 404
        assert "YS-000001" not in (await colleague.get("/desk/bulk")).text
    assert desk.operations.signed == []
    await desk.http.post(f"{place}/remove")
    assert await desk.rows(select(BulkActionRow)) == []
    assert await desk.rows(select(BulkLineRow)) == []
    assert UUID(re.findall(r"[0-9a-f-]{36}", place)[0])
    assert isinstance(desk.operations.outcome, Done)
