"""A pooler that shares connections among clients is noticed at the start, before any work is taken."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support.pooler import needs_pgbouncer, pooler
from tests.support.secret_key import SECRET_KEY
from workers import database, desk_server, erasing_worker, web_server, worker
from workers.database import PoolerError
from workers.program import ClearError
from workers.settings import Settings

POOLERS = pytest.mark.robustness("poolers")
LIMITS = "statement_timeout, lock_timeout, idle_in_transaction_session_timeout"


@POOLERS
@needs_pgbouncer
@pytest.mark.parametrize(
    ("mode", "ignores"),
    [("transaction", ""), ("transaction", LIMITS), ("session", ""), ("session", LIMITS), ("statement", LIMITS)],
)
async def test_no_process_starts_behind_a_pooler(
    mode: str, ignores: str, postgres_socket: Path, database_url: str
) -> None:
    """Also not where it would work until the first lock: the limits would be missing."""
    with pooler(postgres_socket, mode, ignores=ignores) as port:
        through = f"postgresql+asyncpg://postgres@127.0.0.1:{port}/{make_url(database_url).database}"
        settings = Settings(database_url=through, secret_key=SECRET_KEY, temporal_ui_address="http://127.0.0.1:1")
        refused = PoolerError if mode != "statement" else ClearError
        for serve in (web_server.serve, desk_server.serve, worker.serve, erasing_worker.serve):
            with pytest.raises(refused, match=r"PostgreSQL itself|transaction blocks"):
                await serve(settings)
        with pytest.raises(refused):
            async with database.opened(settings):
                pass


@POOLERS
async def test_the_server_itself_is_taken_for_no_pooler(database_url: str) -> None:
    async with database.opened(Settings(database_url=database_url)) as sessions, sessions() as session:
        await session.connection()
