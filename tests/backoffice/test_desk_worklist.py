"""The worklist: what is in which list and in which order, search, claim and next, filters, files, who may see it."""

import asyncio
import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from models.backoffice.case_places import CasePlace
from models.backoffice.operation_permissions import PROCEDURES
from models.backoffice.store.case_search import TOO_SHORT
from models.backoffice.store.saved_filters import TOO_MANY
from models.backoffice.worklist import COLUMNS, MOST_SAVED, WorkList, WorklistFilter
from models.common.operators import Role
from models.common.possible_operations import CaseNow, PossibleOperation
from models.common.waiting_for import WaitingFor
from models.myics.batches import BATCH_WORKFLOW
from models.myics.registrations import RegistrationKind
from models.tables import (
    BusinessGroupDetailsRow,
    BusinessGroupRow,
    DeskKeptFormRow,
    GroupMemberRow,
    IssuedContractRow,
    SavedFilterRow,
    YayoiIdRow,
)
from models.webhooks.messages import DELIVERY_WORKFLOW
from models.yayoi.address_checks import CheckPurpose
from models.yayoi.procedures import APPLICATION_WORKFLOW, OFFICE_WORKFLOW, Stage
from tests.support.desk import DeskSite
from tests.support.listed_cases import DUE, ListedOffice, ListedRegistration, fill_offices, fill_registrations
from tests.support.web import hidden_fields, text_of
from web.backoffice.desk_worklist import CLAIMED, NOTHING_TO_DO
from web.common.operation_sender import GOES_ON as ACCEPTED
from web.common.operation_sender import NotKnown, Refused
from workers.wiring.root import WORKFLOWS

NEEDS_OPERATOR = {"waiting_for": WaitingFor.OPERATOR, "stage": Stage.CORRECTION}


async def listed(desk: DeskSite, http: Any = None, **asked: str) -> list[str]:
    """The cases of a list, in its order."""
    answer = await (http or desk.http).get("/desk/api/worklist", params=asked)
    assert answer.status_code == 200, answer.text
    return [f"{case['case_no']}/{case['part']}" for case in answer.json()["cases"]]


async def found(desk: DeskSite, text: str) -> set[str]:
    answer = await desk.http.post("/desk/api/search", json={"text": text}, headers={"origin": desk.url})
    assert answer.status_code == 200, answer.text
    return {case["case_no"] for case in answer.json()["cases"]}


async def test_what_needs_an_operator_comes_first_then_what_is_due_first_and_each_list_has_its_own(
    desk: DeskSite,
) -> None:
    mine = {"assignee": "sk"}
    await fill_offices(
        desk.sessions,
        ListedOffice(1, status=mine),
        ListedOffice(2, status=mine | {"until": date(2026, 11, 10)}),
        ListedOffice(3, status=mine | NEEDS_OPERATOR),
        ListedOffice(4, status=mine | NEEDS_OPERATOR | {"held": True}),
        ListedOffice(5, status={"assignee": "tn", "overdue": True, "due_on": date(2026, 11, 4)}),
        ListedOffice(6, status={"undelivered": True, "due_on": None, "overdue": True}),
        ListedOffice(7, status={"awaits_approval": True, "waiting_for": WaitingFor.OPERATOR}),
        ListedOffice(8, status=mine | {"outcome": "完了", "stage": Stage.CLOSED}),
        ListedOffice(9, status={"failing": True, "waiting_for": WaitingFor.OPERATOR, "due_on": date(2026, 12, 1)}),
    )
    await fill_registrations(
        desk.sessions,
        ListedRegistration(1, RegistrationKind.REPRESENTATIVE, "青葉 一郎", "青葉会計事務所"),
        ListedRegistration(2, RegistrationKind.USER, "桜 花子", "桜税理士法人"),
        ListedRegistration(3, RegistrationKind.USER, "湊 健太", "みなと経理", WaitingFor.OPERATOR),
    )
    await desk.sign_in("sk")
    assert await listed(desk) == ["YS-000003/1", "YS-000002/1", "YS-000001/1", "YS-000004/1"]
    expected = {
        WorkList.TURN: ["YS-000003/1", "YS-000007/1", "YS-000009/1", "MR-000003/0"],
        WorkList.UNASSIGNED: ["YS-000007/1", "YS-000009/1", "MR-000003/0", "MR-000001/0", "YS-000006/1"],
        WorkList.OVERDUE: ["YS-000005/1"],
        WorkList.FAILING: ["YS-000009/1"],
        WorkList.ON_HOLD: ["YS-000004/1"],
        WorkList.APPROVAL: ["YS-000007/1"],
        WorkList.UNDELIVERED: ["YS-000006/1"],
    }
    assert {each: await listed(desk, show=each.value) for each in expected} == expected
    # What only waits for its registrant, and what has ended, is in no list.
    everything = await listed(desk, show="all")
    assert len(everything) == 10
    assert {"MR-000002/0", "YS-000008/1"}.isdisjoint(everything)
    assert everything[:4] == ["YS-000003/1", "YS-000007/1", "YS-000009/1", "MR-000003/0"]
    page = text_of(await desk.http.get("/desk"))
    for each in (
        "自分の担当 4",
        "対応待ち 4",
        "担当者なし 5",
        "すべて 10",
        "期限超過 1",
        "保留中 1",
        "届かないメール 1",
        "承認待ち（1）",
    ):
        assert each in page
    assert "弥生 太郎" in page
    narrowed = {"show": "all", "who": "tn"}
    assert await listed(desk, **narrowed) == ["YS-000005/1"]
    assert await listed(desk, show="all", within="7") == ["YS-000005/1", "YS-000002/1"]
    assert await listed(desk, show="all", procedure="RepresentativeRegistration") == ["MR-000001/0"]
    assert await listed(desk, show="all", stage=Stage.CORRECTION, waiting="担当者") == ["YS-000003/1", "YS-000004/1"]
    assert len(await listed(desk, show="nonsense", stage="nonsense", within="-1", who="田中")) == 4


async def test_a_page_has_fifty_and_leads_to_the_next(desk: DeskSite) -> None:
    await fill_offices(desk.sessions, *(ListedOffice(number) for number in range(1, 53)))
    await desk.sign_in("sk")
    first = await desk.http.get("/desk?show=all")
    assert "1 / 2 ページ" in text_of(first)
    [following] = re.findall(r'href="([^"]+)" rel="next"', first.text)
    second = await desk.http.get(following.replace("&amp;", "&"))
    assert second.text.count('scope="row"') == 2
    assert len(await listed(desk, show="all", page="99")) == 2


async def test_cases_are_found_by_what_a_caller_says(desk: DeskSite) -> None:
    await fill_offices(
        desk.sessions,
        ListedOffice(1, "髙橋", "一郎", "駅前支店", "橋本 工業"),
        ListedOffice(2, "佐藤", "タロウ", "ｶﾌｪ みどり", "青山 洋子", {"outcome": "完了"}),
        ListedOffice(3, "田辺", "花子", "本店"),
    )
    await fill_registrations(desk.sessions, ListedRegistration(1, RegistrationKind.USER, "渡邉 健", "青葉会計事務所"))
    async with desk.sessions.begin() as session:
        person = YayoiIdRow(yayoi_id="person3@example.jp", family_name="小川", given_name="桃子")
        group = BusinessGroupRow(name="本店")
        session.add_all([person, group])
        await session.flush()
        names = {"family_name": "小川", "given_name": "桃子", "family_name_kana": "オガワ", "given_name_kana": "モモコ"}
        session.add_all(
            [
                GroupMemberRow(person_id=person.person_id, group_id=group.group_id, administrator=True),
                BusinessGroupDetailsRow(group_id=group.group_id, business_form="個人", phone="03-0000-0000", **names),
                IssuedContractRow(
                    contract_id="7654321",
                    existing_contract_id="6000003",
                    number=1,
                    registered_name="弥生 商店-01",
                    application_no="YS-000003",
                    office_no=1,
                    yayoi_id="person3@example.jp",
                    issued_at=datetime(2026, 11, 3, tzinfo=UTC),
                ),
            ]
        )
    await desk.sign_in("sk")
    one, two, three, registration = "YS-000001", "YS-000002", "YS-000003", "MR-000001"
    for text, cases in {
        "高橋": {one},
        "髙橋一郎": {one},
        "橋 一": {one},
        "橋本": {one},
        "駅前": {one},
        "たろう": {two},
        "カフェみ": {two},
        "おがわ": {three},
        "ｵｶﾞﾜ ﾓﾓ": {three},
        "小川桃": {three},
        "青葉会": {registration},
        "渡辺": {registration},
        "ＹＳ－０００００２": {two},
        "000003": {three},
        "6000001": {one},
        "７６５４": {three},
        "PERSON3@": {three},
        "00000002-0000": {two},
        "mr-000001@example": {registration},
        "橋一": {one},
        "一橋": set(),
        "%_": set(),
        "\\'; drop": set(),
    }.items():
        assert await found(desk, text) == cases, text
    refused = await desk.http.post("/desk/search", data={"text": "佐 "})
    assert (refused.status_code, TOO_SHORT in text_of(refused)) == (422, True)
    # Whom somebody looks for stands in no address.
    shown = await desk.http.post("/desk/search", data={"text": "青山"})
    assert (shown.status_code, "佐藤 タロウ" in text_of(shown)) == (200, True)
    assert "%E9" not in str(shown.url)
    assert [row.values for row in await desk.rows(select(DeskKeptFormRow))][-1] == {"text": "青山"}
    # Browsers send the cookies of a host to all of its ports: those of the customers' pages have other names.
    assert {name.partition("-")[0] for name in desk.http.cookies} == {"desk"}


async def test_a_common_word_finds_a_page_and_says_that_there_is_more(desk: DeskSite) -> None:
    offices = [ListedOffice(number, office_name="株式会社支店") for number in range(1, 61)]
    await fill_offices(desk.sessions, *offices)
    await desk.sign_in("sk")
    page = text_of(await desk.http.post("/desk/search", data={"text": "株式会社"}))
    assert "見つかった案件：50 件（ほかにもあります）" in page


# Taking cases ------------------------------------------------------------------------------------------------------


async def test_a_case_is_taken_by_one_press_as_a_signed_hand_over_to_oneself(desk: DeskSite) -> None:
    await fill_offices(desk.sessions, ListedOffice(1))
    await desk.sign_in("sk")
    form = {"form_id": "0b4c7c58-7ddd-4d6b-8a1d-0dbb4cd6b0f2", "case": "YS-000001/1", "show": "unassigned"}
    answers = [await desk.http.post("/desk/claim", data=form) for _ in range(2)]
    assert {answer.headers["location"] for answer in answers} == {"/desk?show=unassigned&claimed=YS-000001%2F1"}
    [(workflow_id, operation, content, actor, _)] = desk.operations.sent
    assert (workflow_id, operation) == ("application/YS-000001/office/1", "hand_over")
    assert content == {"reason": CLAIMED, "to": "sk"}
    assert (str(actor), actor.roles) == ("operator:sk", ("caseworker",))
    page = text_of(await desk.http.get("/desk?show=unassigned&claimed=YS-000001%2F1"))
    assert "YS-000001 の 1 件目の担当になりました。" in page
    desk.operations.outcome = Refused("この案件は、すでに終了しています。")
    refused = await desk.http.post("/desk/claim", data=form | {"form_id": "another"})
    assert refused.status_code == 422
    assert "YS-000001 の 1 件目：この案件は、すでに終了しています。" in text_of(refused)
    desk.operations.outcome = NotKnown(ACCEPTED, accepted=True)
    going_on = await desk.http.post("/desk/claim", data=form | {"form_id": "a third"})
    assert ACCEPTED in text_of(await desk.http.get(going_on.headers["location"]))
    for case in ("YS-999999/1", "nonsense", ""):
        assert (await desk.http.post("/desk/claim", data={"case": case})).status_code == 422


async def test_a_case_is_taken_on_its_own_page_too_which_leads_to_the_next_one(desk: DeskSite) -> None:
    await fill_offices(desk.sessions, ListedOffice(1), ListedOffice(2, status=NEEDS_OPERATOR))
    possible = (PossibleOperation(operation="hand_over", label="担当者を替える"),)
    desk.cases.cases["YS-000001", 1] = CaseNow(
        workflow_type=OFFICE_WORKFLOW,
        run_id="run",
        version=1,
        title="本店",
        stage="確認",
        next_step="待つ",
        possible=possible,
    )
    await desk.sign_in("sk")
    page = await desk.http.get("/desk/cases/YS-000001/1")
    assert 'src="/desk/presence/YS-000001"' in page.text
    taken = await desk.http.post("/desk/claim", data=hidden_fields(page, "/desk/claim"))
    assert taken.headers["location"] == "/desk/cases/YS-000001/1?done=hand_over"
    assert [(each[0], each[2]["to"]) for each in desk.operations.sent] == [("application/YS-000001/office/1", "sk")]
    await desk.set_status("YS-000001", assignee="sk")
    assert "/desk/claim" not in (await desk.http.get("/desk/cases/YS-000001/1")).text
    following = await desk.http.post("/desk/next", data=hidden_fields(page, "/desk/next"))
    assert following.headers["location"] == "/desk/cases/YS-000002/1"


async def test_the_next_case_is_the_most_urgent_that_is_ones_own_or_free_and_open_with_nobody(desk: DeskSite) -> None:
    await fill_offices(
        desk.sessions,
        ListedOffice(1, status=NEEDS_OPERATOR | {"assignee": "tn", "until": date(2026, 11, 6)}),
        ListedOffice(2, status=NEEDS_OPERATOR | {"until": date(2026, 11, 9)}),
        ListedOffice(3, status=NEEDS_OPERATOR | {"assignee": "sk", "until": date(2026, 11, 12)}),
        ListedOffice(4, status={"assignee": "sk", "until": date(2026, 11, 5)}),
    )
    await desk.sign_in("sk")
    opened = await desk.http.post("/desk/next", data={"form_id": "1"})
    assert opened.headers["location"] == "/desk/cases/YS-000002/1"
    assert [(each[0], each[2]["to"]) for each in desk.operations.sent] == [("application/YS-000002/office/1", "sk")]
    after = await desk.http.post("/desk/next", data={"form_id": "2", "after": "YS-000002/1"})
    assert after.headers["location"] == "/desk/cases/YS-000003/1"
    assert len(desk.operations.sent) == 1
    async with desk.browser() as other:
        await desk.sign_in("tn", other)
        await other.get("/desk/presence/YS-000002")
        opened = await desk.http.post("/desk/next", data={"form_id": "3"})
        assert opened.headers["location"] == "/desk/cases/YS-000003/1"
        nothing = await desk.http.post("/desk/next", data={"form_id": "4", "after": "YS-000003/1"})
        assert nothing.headers["location"] == "/desk?done=nothing"
    assert NOTHING_TO_DO in text_of(await desk.http.get("/desk?done=nothing"))


async def test_of_two_who_ask_for_the_next_case_at_once_each_gets_another(desk: DeskSite) -> None:
    await fill_offices(desk.sessions, *(ListedOffice(number, status=NEEDS_OPERATOR) for number in (1, 2)))
    await desk.sign_in("sk")
    async with desk.browser() as other:
        await desk.sign_in("tn", other)
        asked = [http.post("/desk/next", data={"form_id": str(uuid4())}) for http in (desk.http, other)]
        opened = {answer.headers["location"] for answer in await asyncio.gather(*asked)}
    assert opened == {"/desk/cases/YS-000001/1", "/desk/cases/YS-000002/1"}
    assert len({each[0] for each in desk.operations.sent}) == 2


async def test_a_case_that_a_colleague_has_taken_meanwhile_is_not_taken_from_them(desk: DeskSite) -> None:
    """Only by another press, which knows whose it is."""
    await fill_offices(desk.sessions, ListedOffice(1))
    await desk.sign_in("sk")
    [button] = re.findall(r'name="case" value="([^"]+)"', (await desk.http.get("/desk?show=unassigned")).text)
    await desk.set_status("YS-000001", assignee="tn")
    refused = await desk.http.post("/desk/claim", data={"case": button, "show": "unassigned", "form_id": "1"})
    assert refused.status_code == 422
    assert "（いまは田中）" in text_of(refused)
    assert desk.operations.sent == []
    [button] = re.findall(r'name="case" value="([^"]+)"', (await desk.http.get("/desk?show=all")).text)
    taken = await desk.http.post("/desk/claim", data={"case": button, "show": "all", "form_id": "2"})
    assert taken.status_code == 303
    assert len(desk.operations.sent) == 1


async def test_who_has_a_case_open_is_seen_and_gone_after_ninety_seconds(desk: DeskSite) -> None:
    await fill_offices(desk.sessions, ListedOffice(1))
    await desk.sign_in("sk")
    async with desk.browser() as other:
        await desk.sign_in("tn", other)
        alone = await other.get("/desk/presence/YS-000001")
        assert "あなただけです" in alone.text
        assert alone.headers["refresh"] == "30"
        assert "frame-ancestors 'self'" in alone.headers["content-security-policy"]
        assert "田中さんも、この案件を開いています" in (await desk.http.get("/desk/presence/YS-000001")).text
        assert "田中さんが開いています" in text_of(await desk.http.get("/desk?show=all"))
        desk.clock.time += timedelta(seconds=89)
        assert "田中" in (await desk.http.get("/desk/presence/YS-000001")).text
        desk.clock.time += timedelta(seconds=1)
        assert "田中" not in (await desk.http.get("/desk/presence/YS-000001")).text
        assert "frame-src 'self'" in (await desk.http.get("/desk")).headers["content-security-policy"]


async def test_an_open_page_keeps_nobody_logged_in(desk: DeskSite) -> None:
    await desk.sign_in("sk")
    for _ in range(9):
        desk.clock.time += timedelta(minutes=59)
        left = await desk.http.get("/desk/presence/YS-000001")
    assert left.headers["location"].startswith("/sign-in?next=")
    assert not await desk.is_in()


# Filters, files, roles -----------------------------------------------------------------------------------------------


async def test_filters_are_saved_by_name_for_oneself_and_lead_back_to_what_they_show(desk: DeskSite) -> None:
    await desk.sign_in("sk")
    form = {"show": "all", "within": "7", "who": "tn", "name": " 今週の  田中 "}
    saved = await desk.http.post("/desk/filters", data=form)
    assert saved.headers["location"] == "/desk?show=all&who=tn&within=7&done=saved"
    await desk.http.post("/desk/filters", data=form | {"within": "3"})
    [row] = await desk.rows(select(SavedFilterRow))
    assert (row.name, row.conditions) == ("今週の 田中", {"show": "all", "who": "tn", "within": "3"})
    page = await desk.http.get("/desk")
    assert 'href="/desk?show=all&amp;who=tn&amp;within=3"' in page.text
    unnamed = await desk.http.post("/desk/filters", data=form | {"name": " "})
    assert unnamed.status_code == 422
    async with desk.browser() as other:
        await desk.sign_in("tn", other)
        assert "今週の 田中" not in (await other.get("/desk")).text
        await other.post(f"/desk/filters/{row.filter_id}/remove")
        assert len(await desk.rows(select(SavedFilterRow))) == 1
    for number in range(1, MOST_SAVED):
        await desk.http.post("/desk/filters", data={"show": "all", "name": f"{number}"})
    assert TOO_MANY in text_of(await desk.http.post("/desk/filters", data={"show": "all", "name": "もう 1 つ"}))
    assert len(await desk.rows(select(SavedFilterRow))) == MOST_SAVED
    await desk.http.post(f"/desk/filters/{row.filter_id}/remove")
    assert len(await desk.rows(select(SavedFilterRow))) == MOST_SAVED - 1
    assert WorklistFilter.read({"show": "gone", "who": "tn", "more": "1"}) == WorklistFilter(who="tn")


async def test_the_file_holds_what_the_list_shows_runs_no_formula_and_says_who_took_it(desk: DeskSite) -> None:
    await fill_offices(
        desk.sessions,
        ListedOffice(1, "=HYPERLINK", "太郎", "@支店", status={"assignee": "sk", "overdue": True}),
        ListedOffice(2, status={"assignee": "sk"}),
    )
    await desk.sign_in("sk")
    answer = await desk.http.get("/desk/worklist.csv?show=mine")
    assert answer.headers["content-disposition"] == 'attachment; filename="worklist-mine-2026-11-05.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert rows[0] == list(COLUMNS)
    assert [row[0] for row in rows[1:]] == ["YS-000001 の 1 件目", "YS-000002 の 1 件目"]
    assert rows[1][2:4] == ["'=HYPERLINK 太郎", "'@支店"]
    assert rows[1][7] == str(DUE)
    assert rows[1][9:] == ["佐藤", "期限超過"]
    took = ("sk", "worklist_exported", {"filter": {"show": "mine"}, "cases": 2})
    assert (await desk.audited())[-1] == took


@pytest.mark.parametrize(
    "path", ["/desk/search", "/desk/bulk", "/desk/worklist.csv", "/desk/api/worklist", "/desk/presence/A"]
)
async def test_an_auditor_reads_and_an_administrator_sees_no_case(desk: DeskSite, path: str) -> None:
    await fill_offices(desk.sessions, ListedOffice(1))
    await desk.add("ad", Role.ADMINISTRATOR)
    await desk.sign_in("ad")
    assert (await desk.http.get(path)).status_code == 403
    own = text_of(await desk.http.get("/desk"))
    assert "adさん" in own
    assert "弥生 太郎" not in own
    assert "承認待ち" not in own
    async with desk.browser() as auditor:
        await desk.sign_in("kn", auditor)
        assert (await auditor.get(path)).status_code == 200
        page = await auditor.get("/desk")
        assert "弥生 太郎" in page.text
        assert "担当する" not in page.text
        for form in ("claim", "next", "bulk"):
            assert (await auditor.post(f"/desk/{form}", data={"case": "YS-000001/1"})).status_code == 403
    assert desk.operations.sent == []


async def test_a_case_leads_to_its_details_in_the_web_ui(desk: DeskSite) -> None:
    await fill_offices(desk.sessions, ListedOffice(1))
    await desk.sign_in("sk")
    there = (await desk.http.get("/desk/web-ui/YS-000001/1")).headers["location"]
    workflow = "http://desk.test/namespaces/default/workflows/application%2FYS-000001%2Foffice%2F1"
    assert there == f"{workflow}/newest/user-metadata"
    desk.cases.run = None
    assert (await desk.http.get("/desk/web-ui/YS-000001/1")).status_code == 404
    assert (await desk.http.get("/desk/web-ui/YS-000009/1")).status_code == 404


def test_a_status_row_names_its_workflow_by_the_type_that_leads_it() -> None:
    types = {workflow.__name__ for workflow in WORKFLOWS}
    named = {OFFICE_WORKFLOW, APPLICATION_WORKFLOW, BATCH_WORKFLOW, DELIVERY_WORKFLOW}
    named |= {kind.workflow_type for kind in RegistrationKind} | {each.workflow_type for each in CheckPurpose}
    assert named == set(PROCEDURES)
    assert named <= types
    assert CasePlace.read(str(CasePlace("YS-000001", 2))) == ("YS-000001", 2)
