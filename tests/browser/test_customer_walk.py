"""A customer walks through it all without help: STEP1 to the last re-link, on a desk, a phone and without script."""

import re

import pytest
from playwright.async_api import Browser
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.yayoi.messages import Outcome
from tests.browser.browsing import Looking, new_page
from tests.browser.customer_walk import Customer, open_office
from tests.support.smtp_inbox import SmtpInbox

ANSWERS = re.compile(r"\[DOM\]|40[349]|410|422")
"""What a browser says of pages that answer a mistake, and its advice."""

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
async def test_step1_to_the_last_relink(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    browser: Browser,
    *,
    device: str,
    script: bool,
) -> None:
    async with (
        open_office(sessions, temporal, smtp_inbox) as (environment, address),
        new_page(browser, device, script=script) as page,
    ):
        looking = Looking(page, "customer", device, script=script)
        customer = Customer(environment, address, page, looking.at)
        case = await customer.whole_walk()
        outcome = await case.office().result()
        await customer.use(str(outcome.contract_id))
        await customer.astray()
    assert outcome.outcome is Outcome.COMPLETED
    assert looking.found == []
    # Neither policy nor markup is complained of: all else is the answer to the form's mistakes.
    assert [text for text in looking.complaints if not ANSWERS.search(text)] == []
