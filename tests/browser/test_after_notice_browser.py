"""From the notice to the last re-link in a real browser, on a desk and on a phone: STEP5, STEP6, re-link, ledger."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import day_in_japan
from models.yayoi.deadlines import FOLLOW_UP_DAYS
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.procedures import SetUpStep
from tests.browser.browsing import Looking, new_page
from tests.support.customer import AIR, BANK, SUPPORT_PASSWORD, Customer, customer_after_notice
from tests.support.environment import YAYOI
from tests.support.serving import served
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import PASSWORD
from workers.stack.inbox import text_of

pytestmark = pytest.mark.browser

BROWSERS = [("desk", True), pytest.param("phone", False, marks=pytest.mark.long)]
"""The device, and whether scripts are allowed."""


@pytest_asyncio.fixture
async def customer(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[Customer]:
    async with customer_after_notice(sessions, temporal, smtp_inbox) as customer:
        await customer.web.sign_in(customer.issued.yayoi_id)  # so that the ID has a password
        yield customer


class Reading(Looking):
    """Knows each page by its heading."""

    async def come_to(self, heading: str) -> None:
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)
        await self.at(self.page, heading)
        wider = "document.documentElement.scrollWidth > window.innerWidth"
        assert not await self.page.evaluate(wider), heading


@pytest.mark.long  # the walk from STEP1 on passes here, too
@pytest.mark.parametrize(("device", "script"), BROWSERS)
async def test_from_the_notice_to_the_last_relink(
    customer: Customer, browser: Browser, device: str, *, script: bool
) -> None:
    async with served(customer.web.app) as address, new_page(browser, device, script=script) as page:
        looking = Reading(page, "after-notice", device, script=script)
        await page.goto(f"{address}/support-password")
        await step_5(page, looking, customer)
        await step_6(page, looking, customer)
        await link_again(page, looking)
        assert (await customer.case.office().result()).outcome is Outcome.COMPLETED
        await look_things_up(page, looking, customer)
    assert looking.found == []


@pytest.mark.long
@pytest.mark.parametrize(("device", "script"), BROWSERS)
async def test_a_late_customer_does_what_was_left_and_corrects_a_day(
    customer: Customer, browser: Browser, device: str, *, script: bool
) -> None:
    """By the link in the mail that says that the time is over, and what can still be done (Y25)."""
    case = customer.case
    await case.until(await case.now() + timedelta(days=FOLLOW_UP_DAYS + 1))
    mails = customer.environment.inbox.to(customer.issued.yayoi_id)
    [ended] = [mail for mail in mails if mail["Subject"] == MailKind.FOLLOW_UP_ENDED.subject]
    [path] = set(re.findall(r"http://web\.test(/applications\S+)", text_of(ended)))
    async with served(customer.web.app) as address, new_page(browser, device, script=script) as page:
        looking = Reading(page, "late", device, script=script)
        await page.goto(address + path)
        await looking.come_to("お申し込みの状況")
        await expect(page.get_by_role("main")).to_contain_text("残りの設定待ち")
        await page.get_by_role("link", name=SetUpStep.SUPPORT_PASSWORD.label).click()
        await step_5(page, looking, customer)
        await step_6(page, looking, customer)
        await link_again(page, looking)
        assert (await case.office().result()).outcome is Outcome.COMPLETED
        await correct_day(page, looking)
        await page.goto(address + path)
        await expect(page.get_by_role("main")).to_contain_text("お手続きはすべて完了しました。")
        await looking.come_to("お手続きは終了しました")
    assert looking.found == []


async def correct_day(page: Page, looking: Reading) -> None:
    """Of a service that was recorded, although the case has ended (Y21)."""
    section = page.get_by_role("region", name=BANK)
    await section.get_by_text(f"「{BANK}」の記録した日を訂正する").click()
    await section.get_by_label("取込開始日").fill("2026-10-31")
    await looking.come_to("サービスの再連携")
    await section.get_by_role("button", name=f"「{BANK}」の再連携の日を訂正する").click()
    await expect(page.get_by_role("region", name=BANK)).to_contain_text("2026年10月31日（土）")
    await looking.come_to("サービスの再連携")


async def step_5(page: Page, looking: Reading, customer: Customer) -> None:
    """First with the number that one has had for years, then with the new one."""
    await looking.come_to("STEP5 サポート・サービスのログインパスワード設定")
    await page.get_by_label("サービス契約ID（お客様番号）").fill(YAYOI)
    await page.get_by_label("ご登録メールアドレス").fill(customer.issued.yayoi_id)
    await page.get_by_role("button", name="パスワード入力画面へ").click()
    await expect(page.get_by_role("alert")).to_contain_text("新しく発行したサービス契約ID（お客様番号）を入力")
    await looking.come_to("STEP5 サポート・サービスのログインパスワード設定")
    await page.get_by_label("サービス契約ID（お客様番号）").fill(customer.issued.contract_id)
    await page.get_by_role("button", name="パスワード入力画面へ").click()
    await looking.come_to("STEP5 パスワードの入力")
    await expect(page.get_by_text(customer.issued.registered_name)).to_be_visible()
    await page.get_by_label("パスワード 必須").fill(SUPPORT_PASSWORD)
    await page.get_by_label("パスワード（再入力）").fill(SUPPORT_PASSWORD)
    await page.get_by_role("button", name="このパスワードを登録する").click()
    await looking.come_to("STEP5 パスワードを設定しました")


async def step_6(page: Page, looking: Reading, customer: Customer) -> None:
    """It begins with signing in as the pair's own Yayoi ID."""
    await page.get_by_role("link", name="STEP6 へ進む").click()
    await page.get_by_label("弥生ID（メールアドレス）").fill(customer.issued.yayoi_id)
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.get_by_role("button", name="ログインする").click()
    await looking.come_to("設定の状況")
    await page.get_by_role("link", name="STEP6 事業グループの新規作成へ進む").click()
    await page.get_by_role("button", name="登録する").click()
    await expect(page.get_by_role("alert")).to_contain_text("7 か所を確認してください")
    await looking.come_to("STEP6 事業グループの新規作成")
    await page.get_by_label("法人").check()
    await page.get_by_label("会社・個人事業者名").fill("弥生 C 商店")
    for label, value in (("姓", "弥生"), ("名", "太郎"), ("セイ", "ヤヨイ"), ("メイ", "タロウ")):
        await page.get_by_role("textbox", name=f"{label} 必須", exact=True).fill(value)
    await page.get_by_label("登録電話番号").fill("03-1234-5678")
    await page.get_by_role("button", name="登録する").click()
    for title, button in (("STEP6 製品の登録", "認証する"), ("STEP6 保有製品の登録", "保有製品を登録する")):
        await looking.come_to("設定の状況")
        await page.get_by_role("link", name=f"{title}へ進む").click()
        await page.get_by_label("お客様番号").fill(customer.issued.contract_id)
        await page.get_by_label("パスワード").fill(SUPPORT_PASSWORD)
        await looking.come_to(title)
        await page.get_by_role("button", name=button).click()
    await expect(page.get_by_role("status")).to_contain_text("STEP6 保有製品の登録が完了しました。")
    await looking.come_to("設定の状況")


async def link_again(page: Page, looking: Reading) -> None:
    """Each service, and the sharing that is wanted again."""
    await page.get_by_role("link", name="再連携に進む").click()
    await looking.come_to("サービスの再連携")
    today = day_in_japan(datetime.now(UTC)).isoformat()
    for service in (BANK, AIR):
        section = page.get_by_role("region", name=service)
        await section.get_by_label("再連携した日").fill(today)
        await section.get_by_role("button", name=f"「{service}」の再連携を記録する").click()
        await expect(page.get_by_role("region", name=service)).to_contain_text("再連携を記録しました")
    await looking.come_to("サービスの再連携")
    await page.get_by_role("button", name="山田会計事務所と改めて共有した").click()
    await expect(page.get_by_role("status")).to_contain_text("再連携はすべて済みました")
    await looking.come_to("サービスの再連携")


async def look_things_up(page: Page, looking: Reading, customer: Customer) -> None:
    """The ledger, the guard and the members, all from the same row of links; then out."""
    await page.get_by_role("link", name="組み合わせの控え").click()
    await looking.come_to("事業所データの組み合わせの控え")
    await expect(page.get_by_role("region", name="事業所C")).to_contain_text(customer.issued.contract_id)
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="PDF で保存する").click()
    assert (await (await downloading.value).path()).read_bytes().startswith(b"%PDF")
    await page.get_by_role("link", name="証憑を保存する前の確認").click()
    await page.get_by_label("事業所トークン").fill("c0000003-0000-4000-8000-000000000003")
    await page.get_by_role("button", name="保存してよいか確認する").click()
    await expect(page.get_by_role("status")).to_contain_text("保存できます。")
    await looking.come_to("証憑を保存する前の確認")
    await page.get_by_role("link", name="メンバー").click()
    await page.get_by_label("招待する弥生ID（メールアドレス）").fill("hanako@example.jp")
    await page.get_by_role("button", name="招待する").click()
    await expect(page.get_by_role("region", name="hanako@example.jp")).to_be_visible()
    await looking.come_to("メンバー")
    await page.get_by_role("link", name="hanako@example.jp への招待を取り下げる").click()
    await page.get_by_role("button", name="hanako@example.jp への招待を取り下げる").click()
    await expect(page.get_by_text("招待中の方はいません。")).to_be_visible()
    await page.get_by_role("button", name="ログアウト").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("ログイン")


@pytest.mark.long
@pytest.mark.parametrize(("device", "script"), BROWSERS)
async def test_pages_of_enquiries(customer: Customer, browser: Browser, device: str, *, script: bool) -> None:
    async with served(customer.web.app) as address, new_page(browser, device, script=script) as page:
        looking = Reading(page, "enquiries", device, script=script)
        await page.goto(f"{address}/enquiry")
        await page.get_by_label("サービス契約ID（お客様番号）").fill(customer.issued.contract_id)
        await page.get_by_label("お名前").fill("弥生 太郎")
        await page.get_by_label("メールアドレス").fill("taro@example.jp")
        await page.get_by_label("お問い合わせの内容").fill("再連携の手順を教えてください。")
        await page.get_by_role("button", name="送信する").click()
        await expect(page.get_by_role("alert")).to_contain_text("あんしん保守サポートの対象外です")
        await looking.come_to("お問い合わせ")
        await page.goto(f"{address}/name-change")
        await page.get_by_label("サービス契約ID（お客様番号）").fill(YAYOI)
        await page.get_by_role("button", name="確認する").click()
        await looking.come_to("登録名義の変更")
    assert looking.found == []
