"""What activities are tried on: the real wiring on a real Postgres, which can crash around any commit."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from temporalio.client import Client

from models.common.calendar import BusinessCalendar, utc_now
from models.common.store import case_keys
from models.common.store.journalling import JOURNAL
from models.tables import AuditRow, Base
from models.yayoi.application_form import ApplicationForm
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.store.intake import Intake
from tests.support.databases import begin_numbers
from tests.support.encryption import MASTER
from tests.support.journals import JOURNAL_OF_TESTS
from tests.support.secret_key import SECRET_KEY
from tests.support.smtp_inbox import SmtpInbox
from workers import database, temporal
from workers.settings import Settings
from workers.wiring.root import build_activities

Activity = Callable[..., Any]


FIRST_NO = 980_000
"""The number of the first application: no other test starts workflows of this one on the server that all share."""


class CrashError(Exception):
    """The process is gone: whoever asked gets no answer."""


class CrashingSessions(async_sessionmaker[AsyncSession]):
    """Sessions of a process that dies just before or just after its n-th commit, counted from 1; 0: never."""

    def __init__(self, engine: AsyncEngine, *, commit: int = 0, committed: bool = False) -> None:
        super().__init__(
            engine, expire_on_commit=False, info={case_keys.MASTER_KEYS: MASTER, JOURNAL: JOURNAL_OF_TESTS}
        )
        self._dies_at = commit
        self._committed = committed
        self.begun = 0
        """How many transactions were begun."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:  # type: ignore[override]  # used only by `async with`
        self.begun += 1
        dies = self.begun == self._dies_at
        async with super().begin() as session:
            yield session
            if dies and not self._committed:
                await session.flush()
                raise CrashError
        if dies:
            raise CrashError


@dataclass(frozen=True)
class ActivityEnvironment:
    """The example registry, and everything that workers are wired with."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    settings: Settings
    client: Client

    def activities(
        self, sessions: async_sessionmaker[AsyncSession] | None = None, **changed: Any
    ) -> dict[str, Activity]:
        """All activities by name, on these sessions and changed settings."""
        built = build_activities(self.settings.model_copy(update=changed), sessions or self.sessions, self.client)
        return {activity.__name__: activity for activity in built}

    async def apply(
        self, form: ApplicationForm, at: datetime | None = None, *, by_holder: bool = True
    ) -> ApplicationNo:
        """Store an application; no workflow is started. `at`: when it is applied for; now unless given.

        `by_holder`: by the link that the contract's holder was mailed, else as anybody who knows the number.
        """
        intake = Intake(self.sessions, BusinessCalendar(), lambda: at or utc_now())
        return (await intake.receive(form, by_holder=by_holder)).application_no

    async def rows(self, statement: Executable) -> list[tuple[Any, ...]]:
        async with self.sessions() as session:
            return [tuple(row) for row in await session.execute(statement)]

    async def everything(self) -> dict[str, tuple[int, str]]:
        """Of every table the number of its rows, and a digest of them."""
        async with self.sessions() as session:
            return {name: (count, digest) for name, count, digest in await session.execute(_EVERYTHING)}

    async def row_counts(self) -> Counter[str]:
        return Counter({table: count for table, (count, _) in (await self.everything()).items()})

    async def actions(self) -> list[str]:
        """The audit trail, in its words."""
        return [action for (action,) in await self.rows(select(AuditRow.action).order_by(AuditRow.audit_id))]


@asynccontextmanager
async def activity_environment(
    registry_url: str, inbox: SmtpInbox, client: Client | None = None
) -> AsyncIterator[ActivityEnvironment]:
    """Contract IDs are issued from 7500000 on. Without a client, Temporal is away: few activities ask it."""
    settings = Settings(
        smtp_host=inbox.host,
        smtp_port=inbox.port,
        secret_key=SECRET_KEY,
        public_url="http://web.test",
        contract_id_first=7_500_000,
    )
    engine = create_async_engine(registry_url, pool_timeout=300)
    async with AsyncSession(engine) as session, session.begin():
        await begin_numbers(session, FIRST_NO - 1)
    away = Settings(temporal_address="127.0.0.1:1")
    yield ActivityEnvironment(
        engine,
        database.sessions(engine, MASTER, JOURNAL_OF_TESTS),
        settings,
        client or await temporal.connect(away, lazy=True),
    )
    await engine.dispose()


def _summary(table: str) -> str:
    rows = "string_agg(t::text, ' ' ORDER BY t::text)"
    return f"SELECT '{table}', count(*), md5(coalesce({rows}, '')) FROM {table} t"  # noqa: S608 the name of a table


_EVERYTHING = text(" UNION ALL ".join(_summary(table.name) for table in Base.metadata.sorted_tables))
