"""An operator's day at the desk in a real browser, by keyboard alone, on a desk's screen and on a phone."""

import re
import socket
from datetime import date

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.waiting_for import WaitingFor
from models.myics.registrations import RegistrationKind
from models.yayoi.procedures import Stage
from tests.browser.browsing import Looking, new_page
from tests.support.desk import DeskSite, desk_on, fill_operators
from tests.support.listed_cases import ListedOffice, ListedRegistration, fill_offices, fill_registrations
from tests.support.serving import served_on
from web.backoffice.desk_bulk_jobs import BulkJobs

pytestmark = pytest.mark.browser

_MOST_TABS = 200


async def logs_in(page: Page, desk: DeskSite, handle: str) -> None:
    await page.goto(desk.url + await desk.link(handle))
    await page.get_by_role("button", name="としてログインする").press("Enter")
    await page.wait_for_url(f"{desk.url}/desk")


async def comes_to(page: Page, name: str) -> None:
    """Press Tab until what is called this is focused."""
    for _ in range(_MOST_TABS):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(
            "(() => { const e = document.activeElement; return (e.labels?.[0] ?? e).innerText || e.value || ''; })()"
        )
        if name in focused:
            return
    raise AssertionError(f"no key leads to {name}")


async def fill(sessions: async_sessionmaker[AsyncSession]) -> None:
    turn = {"waiting_for": WaitingFor.OPERATOR, "stage": Stage.CORRECTION}
    late = {"assignee": "sk", "overdue": True, "due_on": date(2026, 11, 2)}
    await fill_operators(sessions)
    await fill_offices(
        sessions,
        ListedOffice(1, "佐々木", "健太", "駅前支店", "佐々木 商店", turn | {"until": date(2026, 11, 6)}),
        ListedOffice(2, "高橋", "花子", "カフェみどり", "高橋 工業", turn | {"assignee": "sk", "undelivered": True}),
        ListedOffice(3, "田辺", "一郎", "本店", "田辺 農園", late),
        ListedOffice(4, "渡邉", "桃子", "株式会社わたなべ製作所 大阪営業所", status={"assignee": "tn", "held": True}),
        ListedOffice(5, "山口", "誠", "本店", status={"outcome": "完了", "stage": Stage.CLOSED}),
        *(ListedOffice(number, status={"due_on": date(2026, 11, 1 + number)}) for number in range(8, 20)),
    )
    firm = ListedRegistration(1, RegistrationKind.REPRESENTATIVE, "青葉 一郎", "青葉会計事務所", WaitingFor.OPERATOR)
    await fill_registrations(sessions, firm)


async def acts_in_bulk(page: Page, desk: DeskSite, looking: Looking) -> None:
    await page.goto(f"{desk.url}/desk")
    for box in await page.get_by_role("checkbox").all():
        await box.press("Space")
    await comes_to(page, "選んだ案件をまとめて操作する")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("一括操作")
    await looking.at(page, "bulk-chosen")
    await page.get_by_label("対応を記録する（メモ）").press("Space")
    await page.get_by_label("理由").fill("お電話で確認したため")
    desk.cases.refusals["application/YS-000003/office/1"] = "この手続きは、すでに終了しています。"
    await page.get_by_role("button", name="案件ごとに確認する").press("Enter")
    frame = page.frame_locator("iframe")
    await expect(frame.get_by_label("確認しています")).to_be_visible()
    await looking.at(page, "bulk-judging")
    await desk.app.state.services[BulkJobs].judge_all()
    await frame.get_by_role("link", name="結果を表示する").press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("1 件を実行できます")
    await looking.at(page, "bulk-judged")
    await page.get_by_role("button", name="1 件を実行する").press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("実行しています")
    await desk.app.state.services[BulkJobs].send_all()
    await page.reload()
    await expect(page.get_by_role("status")).to_contain_text("実行済み 1 件、できなかったもの 1 件")
    await looking.at(page, "bulk-done")
    await page.goto(f"{desk.url}/desk/bulk")
    await looking.at(page, "bulk-list")


async def supervises(page: Page, desk: DeskSite, looking: Looking) -> None:
    await logs_in(page, desk, "tn")
    await page.get_by_role("link", name="状況", exact=True).press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("全体の状況")
    await looking.at(page, "overview")
    await page.goto(f"{desk.url}/desk/operators")
    await looking.at(page, "operators")
    await page.goto(f"{desk.url}/desk/presence/YS-000001")
    await looking.at(page, "presence")
    await page.goto(f"{desk.url}/desk")
    await page.get_by_role("button", name="次の案件を開く").press("Enter")
    await expect(page).to_have_url(re.compile(r"/desk/cases/"))


@pytest.mark.long
@pytest.mark.parametrize("device", ["desk", "phone"])
async def test_an_operator_works_through_the_list_by_keyboard(
    sessions: async_sessionmaker[AsyncSession], browser: Browser, device: str
) -> None:
    await fill(sessions)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with desk_on(sessions, url=url) as desk, served_on(listener, desk.app), new_page(browser, device) as page:
            looking = Looking(page, "worklist", device)
            await logs_in(page, desk, "sk")
            await expect(page.get_by_role("heading", level=1)).to_have_text("仕事の一覧")
            await looking.at(page, "mine")

            await comes_to(page, "担当者なし")
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("heading", level=2).first).to_contain_text("担当者なし")
            await looking.at(page, "unassigned")
            await comes_to(page, "担当する")
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("status")).to_contain_text("YS-000001 の 1 件目の担当になりました。")
            assert [each[2]["to"] for each in desk.operations.sent] == ["sk"]

            await comes_to(page, "検索")
            await page.keyboard.press("Enter")
            await page.get_by_label("探すもの").focus()
            await page.keyboard.type("佐")
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("alert")).to_contain_text("2 文字以上")
            await page.get_by_label("探すもの").fill("みど")
            await page.keyboard.press("Enter")
            await expect(page.locator("#found")).to_contain_text("1 件")
            await looking.at(page, "search")
            assert "みど" not in page.url

            await page.goto(f"{url}/desk?show=all")
            await comes_to(page, "条件で絞り込む")
            await page.keyboard.press("Enter")
            await page.get_by_label("期限", exact=True).select_option("3")
            await page.get_by_role("button", name="絞り込む").press("Enter")
            await page.get_by_label("フィルターの名前").fill("すぐのもの")
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("link", name="すぐのもの")).to_be_visible()
            await looking.at(page, "narrowed")

            await acts_in_bulk(page, desk, looking)
            await supervises(page, desk, looking)
    assert looking.found == []
    typed = "Autofocus processing was blocked"  # the keys were in a field before the page had put them where it wants
    refused = "Failed to load resource"  # what was wrong on purpose, and the case's page, behind which is no Web UI
    assert [each for each in looking.complaints if not each.startswith((refused, typed))] == []
