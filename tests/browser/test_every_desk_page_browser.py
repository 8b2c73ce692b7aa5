"""Every page of the desk, by its routes, on a desk's screen and on a phone: free of hurdles, and no wider than that."""

import socket

import pytest
from playwright.async_api import Browser
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.calendar import utc_now
from models.common.messages import TimelineEntry
from models.common.operators import Role
from models.common.possible_operations import CaseNow, Choice, PossibleOperation
from models.common.waiting_for import WaitingFor
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
                Choice(label=f"銀行口座「{bank}」", values={"kind": "bank_account", "service": bank})
                for bank in ("みずうみ銀行", "やまなみ銀行")
            ),
        ),
    ),
    refusals={"reopen": "終了していません。"},
    timeline=(TimelineEntry(at=utc_now(), text="申し込みを受け付けた"),),
    happened=1,
)
OTHERWISE = {
    ("/sign-in/callback", 400),  # an answer that nobody has asked for
    ("/sign-in/openid", 404),  # there is no provider here
    ("/{path:path}", 502),  # there is no Web UI behind
}
"""Pages that say what is wrong: looked at, too."""


@pytest.mark.parametrize("device", mostly_long(DEVICES, each_time=[]))
async def test_no_page_of_the_desk_is_a_hurdle_or_wider_than_the_screen(
    sessions: async_sessionmaker[AsyncSession], browser: Browser, device: str
) -> None:
    await fill_operators(sessions)
    turn = {"waiting_for": WaitingFor.OPERATOR, "stage": Stage.CORRECTION, "points": list(NOW.problems)}
    await fill_offices(
        sessions,
        ListedOffice(1, "佐々木", "健太", "駅前支店", "佐々木 商店", turn | {"awaits_approval": True}),
        ListedOffice(2, status={"assignee": "tn"}),
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with desk_on(sessions, url=url) as desk, served_on(listener, desk.app), new_page(browser, device) as page:
            await desk.change("tn", roles=[role.value for role in Role])
            desk.cases.cases |= {(NUMBER, 1): NOW, (NUMBER, None): NOW}
            looking = Looking(page, "every-page", device)
            await page.goto(url + await desk.link("tn"))
            await page.get_by_role("button", name="としてログインする").click()
            await page.wait_for_url(f"{url}/desk")
            bulk = await page.request.post(f"{url}/desk/bulk", form={"cases": f"{NUMBER}/1"}, headers=SAME_ORIGIN)
            bulk_id = bulk.url.rpartition("/")[2]
            otherwise = set()
            for number, path in enumerate(sorted(pages(desk))):
                there = url + filled(path, case_no=NUMBER, bulk_id=bulk_id)
                answer = await page.request.get(there)
                if not answer.headers.get("content-type", "").startswith("text/html"):
                    continue
                if not answer.ok:
                    otherwise.add((path, answer.status))
                await page.goto(there)
                await looking.at(page, f"{number:02}-{path.strip('/').replace('/', '.')[:40]}")
    assert looking.found == []
    assert otherwise == OTHERWISE


def pages(desk: DeskSite) -> set[str]:
    return {path for method, path in routes_of(desk) if method == "GET"}
