"""The pages of a case in a real browser, on the real procedures: corrected, shared, released by consent, withdrawn."""

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.yayoi.case_links import case_path, link_expiry
from models.yayoi.identifiers import OfficeToken
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Stage
from tests.browser.browsing import Looking, new_page, send_form
from tests.support.environment import OFFICE_B, OFFICE_C, Case, Environment, at_rest, environment_with_worker, form
from tests.support.secret_key import SECRET_KEYS
from tests.support.serving import served
from tests.support.signing import customers_signer
from tests.support.smtp_inbox import SmtpInbox
from workers.wiring.web import build_web

pytestmark = pytest.mark.browser

OF_ANOTHER_CONTRACT = OfficeToken("b6000003-0000-4000-8000-000000000002")


class Applicant:
    """Somebody who has opened the link in the mail."""

    def __init__(self, page: Page, device: str, *, script: bool) -> None:
        self.page = page
        self.looking = Looking(page, "case", device, script=script)

    async def sees(self, name: str, *words: str) -> None:
        for text in words:
            await expect(self.page.locator("main")).to_contain_text(text)
        await self.looking.at(self.page, name)

    async def follows(self, name: str) -> None:
        await self.page.get_by_role("link", name=name).first.click()

    async def presses(self, name: str) -> None:
        await send_form(self.page.get_by_role("button", name=name))


async def applied(environment: Environment) -> tuple[Case, str]:
    """B's token was mixed up with another contract's; C is shared with an accounting office."""
    case = await environment.apply(form([(OFFICE_B[0], OF_ANOTHER_CONTRACT), OFFICE_C]))
    await at_rest(case, Stage.CORRECTION)
    await at_rest(case, Stage.SHARING, 2)
    return case, case_path(SECRET_KEYS, case.application_no, link_expiry(case.due_date))


@pytest.mark.parametrize(
    ("device", "script"),
    [
        pytest.param("desk", False, marks=pytest.mark.long),
        ("phone", False),
        pytest.param("phone", True, marks=pytest.mark.long),
    ],
)
async def test_an_applicant_corrects_what_holds_the_case_up_and_withdraws_the_rest(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    browser: Browser,
    *,
    device: str,
    script: bool,
) -> None:
    async with environment_with_worker(sessions, temporal, smtp_inbox) as environment:
        case, path = await applied(environment)
        app = build_web(environment.settings, sessions, temporal.client, customers_signer)
        async with (
            app.router.lifespan_context(app),
            served(app) as address,
            new_page(browser, device, script=script) as page,
        ):
            who = Applicant(page, device, script=script)
            await page.goto(address + path)
            await who.sees("asked", "訂正待ち", "ご契約の事業所データのものではありません", "共有の解除待ち")

            await who.follows("訂正する")
            await page.get_by_label("事業所トークン").fill("b0000002")
            await who.presses("確認画面へ進む")
            await who.sees("correction-errors", "1 か所を確認してください", "「8桁-4桁-4桁-4桁-12桁」")
            await page.get_by_label("事業所トークン").fill(OFFICE_B[1])
            await who.presses("確認画面へ進む")
            await who.sees("correction-confirm", "まだ、訂正は完了していません。", "事業所B")
            await who.presses("この内容で訂正する")
            await who.sees("corrected", "訂正を受け付け、内容をもう一度確認しました。")
            await at_rest(case, Stage.SET_UP)

            await who.follows("共有の解除へ進む")
            await who.sees("sharing", "山田会計事務所")
            await who.presses("解除しました")
            await who.sees("still-shared", "会計事務所との共有は、まだ解除されていません。")
            await page.get_by_label("弥生が代わりに共有を解除することに同意します").check()
            await who.presses("弥生に解除を任せる")
            await who.sees("released", "会計事務所との共有を、弥生で解除しました。")
            await at_rest(case, Stage.SET_UP, 2)

            await page.goto(address + path)
            await who.sees("notified", "STEP5 サポート・サービスのパスワード設定", "元々ご契約のお客様番号")
            office = page.get_by_role("region", name="事業所C")
            await office.get_by_role("link", name="この事業所データの申し込みを取り下げる").click()
            await who.sees("withdrawal", "取り下げを取り消すことはできません。")
            await who.presses("「事業所C」の申し込みを取り下げる")
            await who.sees("withdrawn", "取り下げを受け付けました。")
            assert (await case.office(2).result()).outcome is Outcome.WITHDRAWN
            await page.goto(address + path)
            await expect(page.get_by_role("region", name="事業所C")).to_contain_text("お申し込みは取り下げられました。")
            by = [row.by for row in await case.audit() if row.part == 2 and row.reason == "お手続きの画面での操作"]
            assert by == [f"applicant:{case.application_no}/2"] * 2
            assert who.looking.found == []
