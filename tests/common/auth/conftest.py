"""The small app behind the log-in, over http and over TLS."""

from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.support.auth_app import AuthApp, auth_app_on, fill


@pytest_asyncio.fixture
async def auth_app(sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[AuthApp]:
    await fill(sessions)
    async with auth_app_on(sessions) as auth_app:
        yield auth_app


@pytest_asyncio.fixture
async def auth_app_with_tls(auth_app: AuthApp) -> AsyncIterator[AuthApp]:
    async with auth_app_on(auth_app.sessions, https=True) as with_tls:
        yield with_tls
