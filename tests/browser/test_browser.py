"""The form in a real browser, as an applicant uses it: wrong first, then right, on a desk and on a phone."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.tables import EnquiryRow
from models.yayoi.procedures import Stage
from tests.browser.browsing import DEVICES, Looking, new_page
from tests.support.matrices import mostly_long
from tests.support.serving import served
from tests.support.web import NETWORK, TOKEN_B, TOKEN_C, Web, answering, end_cases, fill_registry, web_on

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture
async def web(sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> AsyncIterator[Web]:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client) as web, answering(web):
        yield web
        await end_cases(web, temporal.client)


@pytest_asyncio.fixture
async def address(web: Web) -> AsyncIterator[str]:
    async with served(web.app) as address:
        yield address


@pytest.mark.parametrize("device", mostly_long(DEVICES, each_time=["phone"]))
async def test_an_applicant_errs_corrects_and_lands_on_the_case_page(
    web: Web, address: str, browser: Browser, device: str
) -> None:
    # The way of old computers and of those who allow no script.
    async with new_page(browser, device, script=False) as page:
        looking = Looking(page, "apply", device, script=False)
        await page.goto(f"{address}/apply")
        await looking.at(page, "empty")

        await page.locator("#applicant-family_name").fill("弥生")
        await page.locator("#applicant-given_name").fill("Taro")
        await page.get_by_label("サービス契約ID（お客様番号）").fill("８８７１３０４")
        await page.get_by_label("利用する", exact=True).check()
        await page.get_by_label("ネットワーク製品", exact=True).check()
        for number, (name, token) in enumerate([("b", TOKEN_B), ("c", TOKEN_C)], start=1):
            pair = page.get_by_role("group", name=f"{number} 件目")
            await pair.get_by_label("弥生ID（メールアドレス）").fill(f"{name}@example.co.jp")
            await pair.get_by_label("弥生ID（確認のためもう一度）").fill(f"{name}@example.co.jp")
            await pair.get_by_label("事業所トークン").fill(token)
        await page.get_by_label("スマート取引取込").check()
        await page.locator("button.main").click()

        # What was forgotten or wrong is named on top, and each name leads to its field.
        alert = page.get_by_role("alert")
        await expect(alert).to_contain_text("2 か所を確認してください")
        await looking.at(page, "errors")
        await alert.get_by_role("link", name="名", exact=True).click()
        given_name = page.locator("#applicant-given_name")
        await expect(given_name).to_have_value("Taro")
        await expect(given_name).to_have_attribute("aria-invalid", "true")
        await given_name.fill("太郎")
        await page.get_by_label("再連携が必要になることを確認しました").check()
        await page.locator("button.main").click()

        # Each pair is repeated with the name of its office; going back loses nothing.
        await expect(page.get_by_role("heading", level=1)).to_have_text("お申し込み内容の確認")
        for number, office in ((1, "B 商店"), (2, "C 商店")):
            await expect(page.get_by_role("region", name=f"{number} 件目")).to_contain_text(office)
        await looking.at(page, "confirm")
        await page.get_by_role("button", name="修正する").click()
        await expect(page.locator("#applicant-given_name")).to_have_value("太郎")
        await page.locator("button.main").click()
        await page.get_by_role("button", name="この内容で申し込む").click()

        await expect(page.get_by_role("heading", level=1)).to_have_text("お申し込みを受け付けました")
        application_no = await page.locator("dt", has_text="申込番号").locator("+ dd").inner_text()
        await web.waits_at(application_no, 1, Stage.SHARING)
        await page.reload()
        await expect(page.get_by_text("お客様の操作が必要です").first).to_be_visible()
        await looking.at(page, "case")
        assert (await web.row(application_no)).existing_contract_id == NETWORK


@pytest.mark.long
@pytest.mark.parametrize("device", mostly_long(DEVICES, each_time=["phone"]))
async def test_no_page_is_wider_than_the_screen(address: str, browser: Browser, device: str) -> None:
    async with new_page(browser, device) as page:
        looking = Looking(page, "pages", device)
        for path in ("/", "/plan", "/token", "/apply", "/guide/use", "/guide/group-members", "/nowhere"):
            await page.goto(f"{address}{path}")
            await looking.at(page, path.partition("?")[0].replace("/", "-"))
    assert looking.found == []
    # Neither policy nor markup is complained of, but for the page that is not there.
    assert [text for text in looking.complaints if "404" not in text] == []


@pytest.mark.long
@pytest.mark.parametrize("device", mostly_long(DEVICES, each_time=["phone"]))
async def test_back_forward_and_reload_open_pages_and_send_no_form_again(
    web: Web, address: str, browser: Browser, device: str
) -> None:
    sent: list[str] = []
    async with new_page(browser, device, script=False) as page:
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        heading = page.get_by_role("heading", level=1)
        await page.goto(f"{address}/enquiry")
        for name, value in (
            ("contract_id", NETWORK),
            ("name", "弥生 太郎"),
            ("mail_address", "taro"),
            ("text", "手順"),
        ):
            await page.locator(f"#{name}").fill(value)
        await page.get_by_role("button", name="送信する").click()
        wrong = page.locator("#mail_address-error")
        await expect(wrong).to_be_visible()
        for again, is_said in ((page.reload, True), (page.go_back, False), (page.go_forward, True)):
            await again()
            await expect(heading).to_have_text("お問い合わせ")
            await expect(wrong).to_be_visible(visible=is_said)
        await expect(page.locator("#name")).to_have_value("弥生 太郎")
        await page.locator("#mail_address").fill("taro@example.co.jp")
        await page.get_by_role("button", name="送信する").click()
        await expect(heading).to_have_text("お問い合わせを受け付けました")
        for again in (page.reload, page.go_back, page.reload, page.go_forward):
            await again()
            await expect(heading).to_have_text(re.compile("^お問い合わせ"))
        assert len(sent) == 2
    assert len(await web.rows(select(EnquiryRow))) == 1


async def test_enter_leads_on_and_removes_no_row(address: str, browser: Browser) -> None:
    async with new_page(browser) as page:
        await page.goto(f"{address}/apply")
        await page.get_by_role("group", name="1 件目").get_by_label("事業所トークン").press("Enter")
        await expect(page.get_by_role("alert")).to_be_visible()
