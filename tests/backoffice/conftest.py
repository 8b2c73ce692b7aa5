"""The operators' web application, with sign-in links and with a provider."""

from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.support.desk import DeskSite, desk_on, fill_operators
from tests.support.openid_provider import SmallProvider, small_provider


@pytest_asyncio.fixture
async def desk(sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[DeskSite]:
    await fill_operators(sessions)
    async with desk_on(sessions) as desk:
        yield desk


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[SmallProvider]:
    async with small_provider() as provider:
        yield provider


@pytest_asyncio.fixture
async def desk_at_provider(
    sessions: async_sessionmaker[AsyncSession], provider: SmallProvider
) -> AsyncIterator[DeskSite]:
    """The provider knows 佐藤."""
    await fill_operators(sessions)
    async with desk_on(sessions, provider.settings) as desk:
        await desk.known_as("sk", provider.issuer, provider.subject)
        yield desk
