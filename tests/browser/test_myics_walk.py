"""A firm walks through it all: representative, staff and a client's user; at a desk, on a phone, and without script."""

import re

import pytest
from playwright.async_api import Browser
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from tests.browser.browsing import Looking, new_page
from tests.browser.myics_walk import Firm
from tests.support.myics_site import myics_site
from tests.support.serving import served
from tests.support.smtp_inbox import SmtpInbox

pytestmark = pytest.mark.browser


@pytest.mark.long
@pytest.mark.parametrize(
    ("device", "script"),
    [
        ("desk", True),
        pytest.param("phone", True, marks=pytest.mark.long),
        pytest.param("desk", False, marks=pytest.mark.long),
    ],
)
async def test_m1_to_m7_from_the_invitation_to_three_people_logged_in(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    browser: Browser,
    *,
    device: str,
    script: bool,
) -> None:
    async with (
        myics_site(sessions, temporal, smtp_inbox) as site,
        served(site.app) as address,
        new_page(browser, device, script=script) as page,
    ):
        looking = Looking(page, "myics", device, script=script)
        await Firm(site.myics, address, page, looking.at).whole_walk()
    assert looking.found == []
    # Neither policy nor markup is complained of: all else is the answer to mistakes and used links.
    assert [text for text in looking.complaints if not re.search(r"\[DOM\]|422|410", text)] == []
