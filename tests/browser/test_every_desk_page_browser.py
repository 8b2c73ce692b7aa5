"""Every page of the desk, by its routes, on a desk's screen and on a phone: free of hurdles, and no wider than that."""

import socket
from http import HTTPStatus
from uuid import uuid4

import pytest
from playwright.async_api import Browser
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.calendar import utc_now
from models.common.desk_links import operation_path
from models.common.messages import TimelineEntry
from models.common.operators import Role
from models.common.possible_operations import CaseNow, Choice, PossibleOperation
from models.common.store.audit import audit
from models.common.waiting_for import WaitingFor
from models.tables import HeldCaseRow, RefusedFormRow
from models.yayoi.procedures import OFFICE_WORKFLOW, Stage
from tests.browser.browsing import DEVICES, Looking, new_page
from tests.support.desk import DeskSite, desk_on, fill_operators, filled, routes_of
from tests.support.listed_cases import ListedOffice, fill_offices
from tests.support.matrices import mostly_long
from tests.support.serving import served_on
from tests.support.web import SAME_ORIGIN

pytestmark = pytest.mark.browser

NUMBER = "YS-000001"
NOW = CaseNow(
    workflow_type=OFFICE_WORKFLOW,
    run_id="run",
    version=1,
    title=f"駅前支店（{NUMBER} の 1 件目）",
    stage=Stage.CORRECTION,
    next_step="お客様に電話し、正しい弥生ID を確認してください。",
    problems=("入力されたメールアドレスは、弥生ID として登録されていません。",),
    first=("correct_pair",),
    possible=(
        PossibleOperation(operation="correct_pair", label="弥生ID・事業所トークンを訂正する"),
        PossibleOperation(operation="add_note", label="対応を記録する（メモ）"),
        PossibleOperation(operation="hand_over", label="担当者を替える"),
        PossibleOperation(
            operation="report_relink",
            label="再連携を記録する",
            choices=tuple(
                Choice(label=f"銀行口座「{bank}」", values={"link": str(number)})
                for number, bank in enumerate(("みずうみ銀行", "やまなみ銀行"), start=1)
            ),
        ),
    ),
    refusals={"reopen": "終了していません。"},
    timeline=(TimelineEntry(at=utc_now(), text="申し込みを受け付けた"),),
    happened=1,
)
WHAT_IS_WRONG = {
    "/sign-in/callback": HTTPStatus.NOT_FOUND,  # there is no provider here
    "/sign-in/openid": HTTPStatus.NOT_FOUND,
    "/problem": HTTPStatus.NOT_FOUND,  # the page of problems without one
    "/desk/problem": HTTPStatus.NOT_FOUND,
    "/desk/web-ui/{case_no}/{part}": HTTPStatus.SERVICE_UNAVAILABLE,  # there is no Web UI behind
    "/{path:path}": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Pages that say here what is wrong: they are looked at, too. All others show what they are for."""
FORMS = ("correct_pair", "hand_over", "report_relink")
"""Operations whose forms have fields of other kinds than a note's."""
NOT_POSSIBLE = "reopen"
PERSON = {"addresses": "a@example.jp"}
"""Whose erasure is asked for."""


@pytest.mark.parametrize("device", mostly_long(DEVICES, each_time=[]))
async def test_no_page_of_the_desk_is_a_hurdle_or_wider_than_the_screen(
    sessions: async_sessionmaker[AsyncSession], browser: Browser, device: str
) -> None:
    await fill(sessions)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with desk_on(sessions, url=url) as desk, served_on(listener, desk.app), new_page(browser, device) as page:
            await desk.change("tn", roles=[role.value for role in Role])
            desk.cases.cases |= {(NUMBER, 1): NOW, (NUMBER, None): NOW}
            looking = Looking(page, "every-page", device)
            await page.goto(url + await desk.link("tn"))
            await page.get_by_role("button", name="としてログインする").click()
            await page.wait_for_url(f"{url}/desk")
            await page.request.post(
                f"{url}/desk/persons", form={**PERSON, "form_id": str(uuid4())}, headers=SAME_ORIGIN
            )
            bulk = await page.request.post(f"{url}/desk/bulk", form={"cases": f"{NUMBER}/1"}, headers=SAME_ORIGIN)
            places = {path: filled(path, case_no=NUMBER, bulk_id=bulk.url.rpartition("/")[2]) for path in pages(desk)}
            places["/sign-in/link"] = await desk.link("sk")
            places |= {name: operation_path(NUMBER, 1, name) for name in (*FORMS, NOT_POSSIBLE)}
            wrong, seen = dict[str, int](), 0
            for path, place in sorted(places.items()):
                answer = await page.request.get(url + place)
                if not answer.headers.get("content-type", "").startswith("text/html"):
                    continue
                if not answer.ok:
                    wrong[path] = answer.status
                await page.goto(url + place)
                seen += 1
                await looking.at(page, f"{seen:02}-{path.strip('/').replace('/', '.')[:40]}")
    assert looking.found == []
    assert wrong == WHAT_IS_WRONG | {NOT_POSSIBLE: HTTPStatus.CONFLICT}
    assert seen > len(wrong) + 20


async def fill(sessions: async_sessionmaker[AsyncSession]) -> None:
    """Store something for each page to show."""
    await fill_operators(sessions)
    turn = {"waiting_for": WaitingFor.OPERATOR, "stage": Stage.CORRECTION, "points": list(NOW.problems)}
    await fill_offices(
        sessions,
        ListedOffice(1, "佐々木", "健太", "駅前支店", "佐々木 商店", turn | {"awaits_approval": True}),
        ListedOffice(2, status={"assignee": "tn"}),
    )
    async with sessions.begin() as session:
        session.add(HeldCaseRow(case_no=NUMBER, held_since=utc_now()))
        session.add(
            RefusedFormRow(webhook_id="evt_1", body='{"name": "Yayoi"}', errors={"name": "全角で入力してください。"})
        )
        audit(session, NUMBER, "申し込みを受け付けた", by="customer", at=utc_now(), part=1, reason="確認のため")


def pages(desk: DeskSite) -> set[str]:
    return {path for method, path in routes_of(desk) if method == "GET"}
