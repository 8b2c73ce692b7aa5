"""`make screenshots`: a picture of every page that customers see, at both widths, taken anew. Not a test."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, Page
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from tests.browser.browsing import DEVICES, new_page
from tests.browser.customer_walk import At, Customer, open_office
from tests.browser.myics_walk import Firm
from tests.support.myics_site import myics_site
from tests.support.serving import served
from tests.support.smtp_inbox import SmtpInbox

PICTURES = Path(__file__).parents[2] / "docs" / "images" / "pages"
_WIDTH = {"desk": 900, "phone": 375}


def keeping(device: str, prefix: str = "") -> At:
    """Return what keeps a picture of a page under its name."""

    async def keep(page: Page, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        with Image.open(BytesIO(await page.screenshot(full_page=True))) as taken:
            shrunk = taken.convert("RGB")
            shrunk.thumbnail((_WIDTH[device], taken.height))
            # Few colours, and no eye sees it: a third of the size.
            shrunk.quantize(32).save(PICTURES / f"{prefix}{name}.{device}.png", optimize=True)

    return keep


@pytest.mark.parametrize("device", DEVICES)
async def test_take(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    browser: Browser,
    device: str,
) -> None:
    async with (
        open_office(sessions, temporal, smtp_inbox) as (environment, address),
        new_page(browser, device) as page,
    ):
        customer = Customer(environment, address, page, keeping(device))
        case = await customer.whole_walk()
        await customer.use(str((await case.office().result()).contract_id))
        await customer.astray()


@pytest.mark.parametrize("device", DEVICES)
async def test_take_myics(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    browser: Browser,
    device: str,
) -> None:
    async with (
        myics_site(sessions, temporal, smtp_inbox) as site,
        served(site.app) as address,
        new_page(browser, device) as page,
    ):
        await Firm(site.myics, address, page, keeping(device, "myics-")).whole_walk()
