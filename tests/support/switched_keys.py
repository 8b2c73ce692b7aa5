"""The real keys of cases, in a store that can be away."""

import copy
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from models.common.encryption import CaseKey, KeyGone
from tests.support.encryption import MASTER
from workers import case_keys, database
from workers.case_keys import CaseKeys
from workers.codec import CaseCodec, converter
from workers.master_keys import MasterKeys

Sessions = async_sessionmaker[AsyncSession]


@dataclass
class SwitchedKeys:
    """What one process after the other finds keys in: each starts with nothing in memory."""

    sessions: Sessions
    nowhere: Sessions
    keys: CaseKeys

    async def find(self, owner: str) -> CaseKey | KeyGone:
        return await self.keys.find(owner)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nothing is in memory, and the store does not answer."""
        self.keys._kept.clear()
        self.keys._sessions = self.nowhere
        yield
        self.keys._sessions = self.sessions

    def on(self, temporal: WorkflowEnvironment) -> WorkflowEnvironment:
        """Return the server as these keys read and write it."""
        own = copy.copy(temporal)
        own._client = self.client(temporal.client)
        return own

    def client(self, client: Client) -> Client:
        """Return the client with these keys."""
        config = client.config()
        config["data_converter"] = converter(CaseCodec(self, client.namespace, marks=True))
        return Client(**config)


@asynccontextmanager
async def switched_keys(sessions: Sessions, masters: MasterKeys = MASTER) -> AsyncIterator[SwitchedKeys]:
    away = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    keys = CaseKeys(sessions, masters)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(case_keys, "_TRY_AGAIN_AFTER", (0.02, 0.1))
        async with keys.kept_up_to_date():
            yield SwitchedKeys(sessions, database.sessions(away), keys)
    await away.dispose()
