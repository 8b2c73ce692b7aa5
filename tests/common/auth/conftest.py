"""The house behind the auth, over http and over TLS."""

from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.common.auth.house import House, fill, house_on


@pytest_asyncio.fixture
async def house(sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[House]:
    await fill(sessions)
    async with house_on(sessions) as house:
        yield house


@pytest_asyncio.fixture
async def house_with_tls(house: House) -> AsyncIterator[House]:
    async with house_on(house.sessions, https=True) as with_tls:
        yield with_tls
