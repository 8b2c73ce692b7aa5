"""MYICS' pages, and a browser on them."""

from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from tests.support.myics_site import MyicsBrowserUser, MyicsSite, myics_site
from tests.support.smtp_inbox import SmtpInbox


@pytest_asyncio.fixture
async def site(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[MyicsSite]:
    async with myics_site(sessions, temporal, smtp_inbox) as site:
        yield site


@pytest_asyncio.fixture
async def browser(site: MyicsSite) -> AsyncIterator[MyicsBrowserUser]:
    async with site.browser() as browser:
        yield browser
