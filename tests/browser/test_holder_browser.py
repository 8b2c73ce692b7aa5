"""A contract's holder in a real browser: they confirm one application from the mail's link, and end another (Y5a)."""

from email.message import EmailMessage

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.tables import ApplicationRow
from models.yayoi.deadlines import HOLDER_MAIL_EVERY
from models.yayoi.identifiers import ApplicationNo, YayoiId
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Stage
from tests.browser.browsing import Looking, new_page
from tests.support.environment import OFFICE_B, YAYOI, Case, Environment, at_rest, environment_with_worker, form
from tests.support.holder import asked, links_in
from tests.support.serving import served
from tests.support.signing import customers_signer
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import until
from workers.wiring.web import build_web

pytestmark = pytest.mark.browser
END_LINKS = "いまのリンクを無効にする"


@pytest.mark.long
@pytest.mark.parametrize(
    ("device", "script"),
    [
        pytest.param("desk", False, marks=pytest.mark.long),
        pytest.param("phone", False, marks=pytest.mark.long),
        ("phone", True),
    ],
)
async def test_y5a_a_holder_confirms_one_application_and_ends_another(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    browser: Browser,
    *,
    device: str,
    script: bool,
) -> None:
    async with environment_with_worker(sessions, temporal, smtp_inbox) as environment:
        app = build_web(environment.settings, sessions, temporal.client, customers_signer)
        async with (
            app.router.lifespan_context(app),
            served(app) as address,
            new_page(browser, device, script=script) as page,
        ):
            looking = Looking(page, "holder", device, script=script)
            number = await apply_without_link(page, looking, address)
            case = await on_the_way(environment, number)
            confirm, end = links_in(await mail_to_holder(environment), number)
            await confirms(page, looking, address, confirm)
            await at_rest(case, Stage.SET_UP)
            await page.goto(address + end)
            await comes_to(page, looking, "このお申し込みは確認済みです")
            await expect(page.get_by_role("button")).to_have_text([END_LINKS])

            made_up = form([(YayoiId("stranger@evil.example"), None)], linked=False)
            strangers = await environment.apply(made_up, by_holder=False)
            await at_rest(strangers, Stage.CONFIRMATION)
            await strangers.until(await strangers.now() + HOLDER_MAIL_EVERY)
            _, end = links_in(await mail_to_holder(environment, 2), strangers.application_no)
            await ends(page, looking, address, end)
            assert (await strangers.office().result()).outcome is Outcome.REJECTED
            await page.get_by_role("button", name=END_LINKS).click()
            await comes_to(page, looking, "リンクを無効にしました")
            await page.goto(address + end)
            await comes_to(page, looking, "このリンクは無効になっています")
            assert looking.found == []


async def apply_without_link(page: Page, looking: Looking, address: str) -> ApplicationNo:
    """As anybody who knows the contract's number; the case's page says whom it waits for."""
    await page.goto(f"{address}/apply")
    await page.get_by_label("姓").fill("弥生")
    await page.get_by_role("textbox", name="名 必須", exact=True).fill("太郎")
    await page.get_by_label("サービス契約ID（お客様番号）").fill(YAYOI)
    await page.get_by_label("利用しない", exact=True).check()
    await page.get_by_label("ネットワーク製品", exact=True).check()
    pair = page.get_by_role("group", name="1 件目")
    await pair.get_by_label("事業所データの名前").fill("B 商店")
    await pair.get_by_label("弥生ID（メールアドレス）").fill(OFFICE_B[0])
    await pair.get_by_label("弥生ID（確認のためもう一度）").fill(OFFICE_B[0])
    await page.locator("button.main").click()
    await comes_to(page, looking, "お申し込み内容の確認")
    await page.get_by_role("button", name="この内容で申し込む").click()
    await expect(page.locator("main")).to_contain_text("お手続きは、まだ始まっていません。")
    await looking.at(page, "waits")
    return ApplicationNo(await page.locator("dt", has_text="申込番号").locator("+ dd").inner_text())


async def confirms(page: Page, looking: Looking, address: str, link: str) -> None:
    await page.goto(address + link)
    await expect(page.locator("main")).to_contain_text(OFFICE_B[0])
    await comes_to(page, looking, "お申し込みを確認してください")
    await page.get_by_role("button", name="このお申し込みを確認する").click()
    await comes_to(page, looking, "このお申し込みは確認済みです")


async def ends(page: Page, looking: Looking, address: str, link: str) -> None:
    await page.goto(address + link)
    await expect(page.locator("main")).to_contain_text("stranger@evil.example")
    await comes_to(page, looking, "このお申し込みを終了しますか")
    await page.get_by_role("button", name="このお申し込みを終了する").click()
    await comes_to(page, looking, "このお申し込みは終了しました")


async def comes_to(page: Page, looking: Looking, heading: str) -> None:
    await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    await looking.at(page, heading)


async def on_the_way(environment: Environment, number: ApplicationNo) -> Case:
    async with environment.sessions() as session:
        application = await session.get_one(ApplicationRow, number)
    case = Case(environment, number, application.due_date)
    await case.started()
    await at_rest(case, Stage.CONFIRMATION)
    return case


async def mail_to_holder(environment: Environment, number: int = 1) -> EmailMessage:
    """Return the n-th mail that asks the holder."""

    async def arrived() -> bool:
        return len(asked(environment.inbox)) >= number

    await until(arrived)
    return asked(environment.inbox)[number - 1]
