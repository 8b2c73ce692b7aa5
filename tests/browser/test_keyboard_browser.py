"""Forms by keyboard alone: nothing is skipped, what has the focus is seen, and errors are come to at once."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from tests.browser.browsing import DEVICES, new_page
from tests.browser.tabbing import FOCUSED, tab_to
from tests.support.matrices import mostly_long
from tests.support.serving import served
from tests.support.web import NETWORK, TOKEN_B, Web, answering, end_cases, fill_registry, web_on

pytestmark = pytest.mark.browser

PAGES = ["/", "/plan", "/register", "/token", "/enquiry", "/sign-in", "/support-password", "/guide/use"]
PAGES += ["/guide/group-members", "/myics/sign-in"]


@pytest_asyncio.fixture
async def web(sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> AsyncIterator[Web]:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client) as web, answering(web):
        yield web
        await end_cases(web, temporal.client)


async def type_into(page: Page, name: str, text: str) -> None:
    await tab_to(page, name=name)
    await page.keyboard.type(text)


@pytest.mark.parametrize("device", mostly_long(DEVICES, each_time=["desk"]))
async def test_the_application_is_filled_in_corrected_and_sent_by_keyboard_alone(
    web: Web, browser: Browser, device: str
) -> None:
    async with served(web.app) as address, new_page(browser, device) as page:
        await page.goto(f"{address}/apply")
        await page.keyboard.press("Tab")
        assert (await page.evaluate(FOCUSED))["text"] == "本文へ進む"
        await page.keyboard.press("Enter")
        await type_into(page, "applicant.family_name", "弥生")
        await type_into(page, "applicant.given_name", "Taro")
        await type_into(page, "existing_contract_id", NETWORK)
        for name in ("accounting_link", "network_product"):
            await tab_to(page, name=name)
            await page.keyboard.press("Space")
        await type_into(page, "offices.0.yayoi_id", "b@example.co.jp")
        await type_into(page, "offices.0.yayoi_id_confirmation", "b@example.co.jp")
        await type_into(page, "offices.0.office_token", TOKEN_B)
        for name in ("consents.stop_smart_import", "consents.relink_required"):
            await tab_to(page, name=name)
            await page.keyboard.press("Space")
        await tab_to(page, text="確認画面へ進む", role="main")
        await page.keyboard.press("Enter")

        # What is wrong has the focus at once, and each name in it leads to its field.
        await expect(page.get_by_role("alert")).to_be_focused()
        await tab_to(page, text="名")
        await page.keyboard.press("Enter")
        await expect(page.locator("#applicant-given_name")).to_be_focused()
        await page.keyboard.press("ControlOrMeta+a")
        await page.keyboard.type("太郎")
        await page.keyboard.press("Enter")  # leads on, as the form's main button does
        await expect(page.get_by_role("heading", level=1)).to_have_text("お申し込み内容の確認")
        await tab_to(page, text="この内容で申し込む")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("お申し込みを受け付けました")


@pytest.mark.parametrize("device", mostly_long(DEVICES, each_time=["desk"]))
@pytest.mark.parametrize("path", mostly_long(PAGES, each_time=PAGES[::3]))
async def test_all_of_a_page_is_come_to_and_seen(web: Web, browser: Browser, device: str, path: str) -> None:
    """From the first to the last that can have the focus, which is the footer's last link."""
    async with served(web.app) as address, new_page(browser, device) as page:
        await page.goto(f"{address}{path}")
        last = await page.locator("footer a").last.inner_text()
        await tab_to(page, text=last)
