"""Postgres in a folder with whatever name: found by every process that knows the state folder, and by it alone."""

import asyncio
import re
import signal
from pathlib import Path

import pytest
from sqlalchemy import text

from workers import database
from workers.database_connection import LONGEST_SOCKET_DIR, can_be_reached, reached_by
from workers.program import run, say
from workers.settings import Settings
from workers.stack import postgres
from workers.stack.places import Places
from workers.stack.stack_settings import alone
from workers.stack.up import up

PLACES = pytest.mark.robustness("places")
NAMES = (
    "a,b",
    "a:1,b:2",
    'quo"ted\\',
    " 100%41 %2C",
    "申込　データ",
    "x" * 120,
    "深い、" * 20,
    "?#&=;$HOME'~",
)


@PLACES
async def test_a_server_listens_in_any_folder_and_moves_with_it(state_dir: Path) -> None:
    """One cluster, moved from name to name: its socket is where the state folder is, and nowhere else."""
    before = state_dir / "0"
    before.mkdir()
    await asyncio.to_thread(postgres.prepare, before / "postgres", before / "socket", say)
    for name in NAMES:
        folder = before.rename(state_dir / name)
        places = Places(folder)
        await asyncio.to_thread(postgres.prepare, places.postgres, places.socket_dir, say)
        argv, account, _ = postgres.command(places.postgres, places.socket_dir, "fsync=off")
        with (state_dir / "log").open("wb") as log:
            server = await asyncio.create_subprocess_exec(*argv, **account, stdout=log, stderr=log, cwd="/")
        try:
            await postgres.ready(places.socket_dir, "tetsuzuki")
            engine = database.engine(Settings(state_dir=folder))
            async with engine.connect() as connection:
                where = (await connection.execute(text("show data_directory"))).scalar_one()
            await engine.dispose()
            assert where == str(places.postgres)
            assert {each.name for each in places.socket_dir.iterdir()} == {".s.PGSQL.5432", ".s.PGSQL.5432.lock"}
        finally:
            server.send_signal(signal.SIGINT)
            await server.wait()
        before = folder


@PLACES
def test_a_path_that_is_too_long_is_reached_by_its_open_folder(tmp_path: Path) -> None:
    long = tmp_path / ("深" * 40)
    long.mkdir()
    reached = reached_by(str(long))
    assert len(reached) < LONGEST_SOCKET_DIR
    assert Path(reached).samefile(long)
    assert reached_by(str(long)) == reached
    long.rename(tmp_path / "moved")
    long.mkdir()
    assert Path(reached_by(str(long))).samefile(long)  # never what was there before
    assert reached_by("/short") == "/short"
    assert not can_be_reached(long, otherwise=False)
    with pytest.raises(FileNotFoundError):
        reached_by(str(tmp_path / ("山" * 40)))


@PLACES
@pytest.mark.parametrize("parts", [12, 60])
def test_what_postgres_cannot_be_given_is_refused_before_anything_is_made(
    parts: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path.joinpath(*["x" * 100] * parts)
    assert run(up(alone(folder))) == 1
    assert re.fullmatch(
        r"error: [^\n]+ too long for Postgres [^\n]+ TETSUZUKI_STATE_DIR [^\n]+\n", capsys.readouterr().err
    )
    assert not (tmp_path / ("x" * 100)).exists()
