"""A firm goes the whole way: representative, staff and a client's user; at a desk, on a phone, and without script."""

import pytest
from playwright.async_api import Browser, Page
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from tests.browsing import DEVICES, hurdles, new_page
from tests.myics_town import myics_town
from tests.myics_way import Firm
from tests.serving import served
from tests.smtp_inbox import SmtpInbox

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("device", "script"), [("desk", True), ("phone", True), ("desk", False)])
async def test_m1_to_m7_from_the_invitation_to_three_people_logged_in(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    browser: Browser,
    *,
    device: str,
    script: bool,
) -> None:
    found: list[str] = []
    complaints: list[str] = []

    async def at(page: Page, name: str) -> None:
        if not script:
            return
        found.extend(f"{name}: {hurdle}" for hurdle in await hurdles(page))
        if await page.evaluate("document.documentElement.scrollWidth") > DEVICES[device]["width"]:
            found.append(f"{name}: wider than the screen")

    async with (
        myics_town(sessions, temporal, smtp_inbox) as town,
        served(town.app) as address,
        new_page(browser, device, script=script) as page,
    ):
        page.on("console", lambda message: complaints.append(message.text))
        await Firm(town.myics, address, page, at).whole_way()
    assert found == []
    # Neither policy nor markup is complained of: all else is advice, or the answer to mistakes and used links.
    expected = ("[DOM]", "422", "410")
    assert [text for text in complaints if not any(part in text for part in expected)] == []
