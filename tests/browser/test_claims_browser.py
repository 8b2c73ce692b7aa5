"""Claims on what is somebody's, in a real browser: stranger and owner at once, and 会計連携の追加 (Y1, Y5, Y9)."""

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.tables import ApplicationRow, IssuedContractRow
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken, YayoiId
from models.yayoi.procedures import Procedure, Stage
from tests.browser.browsing import Looking, new_page
from tests.support.environment import OFFICE_B, YAYOI, Case, Environment, at_rest, environment_with_worker, form
from tests.support.serving import served
from tests.support.signing import customers_signer
from tests.support.smtp_inbox import SmtpInbox
from workers.wiring.web import build_web

pytestmark = [pytest.mark.browser, pytest.mark.long]
DEVICES = pytest.mark.parametrize("device", ["desk", "phone"])
STRANGERS_CONTRACT, STRANGERS_ID = ContractId("6000011"), YayoiId("office-2@shido.example.co.jp")


@DEVICES
async def test_of_a_stranger_and_the_owner_at_once_only_the_owner_goes_on(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    browser: Browser,
    device: str,
) -> None:
    """The stranger names the owner's token first; the owner is not held up by it, and loses nothing (Y1, Y5)."""
    async with environment_with_worker(sessions, temporal, smtp_inbox) as environment:
        app = build_web(environment.settings, sessions, temporal.client, customers_signer)
        async with (
            app.router.lifespan_context(app),
            served(app) as address,
            new_page(browser, device) as stranger,
            new_page(browser, device) as owner,
        ):
            looking = Looking(stranger, "stranger", device)
            await fill_in(stranger, address, STRANGERS_CONTRACT, STRANGERS_ID, OFFICE_B[1])
            await fill_in(owner, address, YAYOI, *OFFICE_B)
            strangers = await send(stranger, environment)
            owners = await send(owner, environment)
            await at_rest(owners, Stage.SET_UP)
            await at_rest(strangers, Stage.CONFIRMATION)  # by who shows no right token, the holder has to confirm it
            await stranger.reload()
            main = stranger.locator("main")
            await expect(main).to_contain_text("お手続きは、まだ始まっていません。")
            await expect(main).not_to_contain_text("事業所B")
            await expect(main.get_by_text("停止しています")).to_have_count(0)
            await looking.at(stranger, "waits")
            await owner.reload()
            await expect(owner.locator("main")).to_contain_text("事業所B")
            office = await environment.office(OFFICE_B[1])
            [issued] = await environment.rows(select(IssuedContractRow).filter_by(application_no=owners.application_no))
            assert (office.contract_id, office.frozen_by) == (issued.contract_id, None)
            assert looking.found == []


@DEVICES
async def test_a_link_is_added_right_after_the_notice(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    browser: Browser,
    device: str,
) -> None:
    """While the first case still waits for its set-up, the same Yayoi ID is no conflict (Y1, Y9)."""
    async with environment_with_worker(sessions, temporal, smtp_inbox) as environment:
        first = await environment.apply(form([(OFFICE_B[0], None)], linked=False))
        await at_rest(first, Stage.SET_UP)
        [issued] = await first.issued()
        app = build_web(environment.settings, sessions, temporal.client, customers_signer)
        async with app.router.lifespan_context(app), served(app) as address, new_page(browser, device) as page:
            looking = Looking(page, "link-addition", device)
            await fill_in(page, address, YAYOI, *OFFICE_B, issued=ContractId(issued.contract_id))
            added = await send(page, environment)
            await looking.at(page, "received")
            [application] = await environment.rows(
                select(ApplicationRow).filter_by(application_no=added.application_no)
            )
            assert application.procedure == Procedure.LINK_ADDITION
            await at_rest(added, Stage.RELINK)
            await page.reload()
            await expect(page.locator("main")).to_contain_text(issued.contract_id)
            await looking.at(page, "relink")
            assert looking.found == []


async def fill_in(
    page: Page,
    address: str,
    contract: ContractId,
    yayoi_id: YayoiId,
    token: OfficeToken,
    *,
    issued: ContractId | None = None,
) -> None:
    """Fill in the form up to its confirmation."""
    await page.goto(f"{address}/apply")
    await page.get_by_label("姓").fill("弥生")
    await page.get_by_role("textbox", name="名 必須", exact=True).fill("太郎")
    await page.get_by_label("サービス契約ID（お客様番号）", exact=False).first.fill(contract)
    pair = page.get_by_role("group", name="1 件目")
    if issued:
        await page.get_by_role("radio", name="会計連携の追加").check()
        await pair.get_by_label("発行済みのサービス契約ID").fill(issued)
    else:
        await page.get_by_label("利用する", exact=True).check()
        await page.get_by_label("ネットワーク製品", exact=True).check()
    await pair.get_by_label("弥生ID（メールアドレス）").fill(yayoi_id)
    await pair.get_by_label("弥生ID（確認のためもう一度）").fill(yayoi_id)
    await pair.get_by_label("事業所トークン").fill(token)
    await page.get_by_label("スマート取引取込").check()
    await page.get_by_label("再連携が必要になることを確認しました").check()
    await page.locator("button.main").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("お申し込み内容の確認")


async def send(page: Page, environment: Environment) -> Case:
    """Send what is confirmed, and return the case whose page it leads to."""
    await page.get_by_role("button", name="この内容で申し込む").click()
    number = ApplicationNo(await page.locator("dt", has_text="申込番号").locator("+ dd").inner_text())
    [application] = await environment.rows(select(ApplicationRow).filter_by(application_no=number))
    case = Case(environment, number, application.due_date)
    await case.started()
    return case
