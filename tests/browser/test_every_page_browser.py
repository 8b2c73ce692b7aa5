"""Every page of the customers' web, as its routes say: for whom sees, hears, moves or has a screen other than most."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from tests.browser.browsing import DEVICES, Looking, new_page
from tests.browser.tabbing import tab_to
from tests.hostile.every_route import FIRM, MYICS_PASSWORD, OWNER, add_firm, filled, paths_of, signed_in
from tests.hostile.people import THIEF
from tests.hostile.target import Target, target_on
from tests.support.serving import served
from tests.support.web import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest_asyncio.fixture
async def target(sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> AsyncIterator[Target]:
    async with target_on(sessions, temporal.client) as target:
        await add_firm(sessions)
        yield target


async def pages_of(target: Target) -> list[str]:
    """Return an address of every page; whatever a route answers now is a page that somebody can meet."""
    pages: dict[str, str] = {}
    async with target.attacker() as attacker:
        await signed_in(target, attacker)
        for path in paths_of(target, "GET"):
            answer = await attacker.http.get(filled(path), follow_redirects=True)
            if answer.headers.get("content-type", "").startswith("text/html"):
                pages.setdefault(answer.url.path, filled(path))
    assert len(pages) >= 40, pages
    return list(pages.values())


async def sign_in(page: Page, address: str) -> None:
    await page.goto(f"{address}/sign-in")
    await page.locator("[name=yayoi_id]").fill(THIEF.yayoi_id)
    await page.locator("[name=password]").fill(PASSWORD)
    await page.locator("button.main").click()
    await page.goto(f"{address}/myics/sign-in")
    for name, value in (("customer_no", FIRM), ("address", OWNER), ("password", MYICS_PASSWORD)):
        await page.locator(f"[name={name}]").fill(value)
    await page.locator("button.main").click()


@pytest.mark.parametrize("device", DEVICES)
async def test_every_page_is_free_of_hurdles_fits_the_screen_and_is_gone_through_by_keyboard(
    target: Target, browser: Browser, device: str
) -> None:
    pages = await pages_of(target)
    await target.forget_tries()
    async with served(target.app) as address, new_page(browser, device) as page:
        looking = Looking(page, "every", device)
        await sign_in(page, address)
        for path in sorted(pages, key=lambda each: "sign-out" in each):
            await page.goto(f"{address}{path}")
            await looking.at(page, urlsplit(path).path.replace("/", "-"))
            last = await page.locator("footer a").last.inner_text()
            await tab_to(page, text=last)
        assert looking.found == []


async def test_every_form_can_be_sent_without_script(target: Target, browser: Browser) -> None:
    pages, without = await pages_of(target), []
    await target.forget_tries()
    async with served(target.app) as address, new_page(browser, script=False) as page:
        await sign_in(page, address)
        for path in pages:
            await page.goto(f"{address}{path}")
            assert await page.locator("h1:visible").count() == 1, path
            for form in await page.locator("form").all():
                name = await form.get_attribute("id")
                own = form.locator("button:not([type=button])")
                elsewhere = page.locator(f"button[form='{name}']") if name else own
                if not await own.count() and not await elsewhere.count():
                    without.append(f"{path}: {await form.get_attribute('action')}")
    assert without == []
