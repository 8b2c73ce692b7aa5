"""The whole embedded stack as its users run it: started, hurt, started again, stopped."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest
from pydantic import SecretStr

from tests.support.running import PATIENCE
from tests.support.running_stack import running
from workers.schema import NewerDatabaseError
from workers.settings import Settings
from workers.stack.checks import StackError
from workers.stack.places import DATABASE, Places
from workers.stack.stack_settings import alone, environment
from workers.stack.supervisor import Stack

pytestmark = pytest.mark.stack

PARTS = ["postgres", "temporal", "inbox", "worker", "eraser", "web", "desk"]


def _alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def environment_of_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody has set the program up for servers of their own."""
    profile = tmp_path / "temporal.toml"
    profile.write_text(
        '[profile.default]\naddress = "temporal.invalid:7233"\nnamespace = "theirs"\napi_key = "theirs"\n'
    )
    for name, value in {
        "TETSUZUKI_DATABASE_URL": "postgresql+asyncpg://theirs.invalid/customers",
        "tetsuzuki_smtp_host": "mail.invalid",
        "TETSUZUKI_API_KEYS": "theirs",
        "TETSUZUKI_BUILD_ID": "theirs",
        "TEMPORAL_ADDRESS": "temporal.invalid:7233",
        "TEMPORAL_CONFIG_FILE": str(profile),
    }.items():
        monkeypatch.setenv(name, value)


async def _web_answers(settings: Settings) -> bool:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        answer = await http.get(f"http://127.0.0.1:{settings.web_port}/healthz")
    return answer.status_code == httpx.codes.OK


_WHAT_A_CHILD_READS = """
from workers import temporal
from workers.settings import Settings
settings = Settings()
print(settings.model_dump_json(), temporal.address(settings))
"""


@pytest.mark.usefixtures("environment_of_others")
async def test_a_stack_that_stands_alone_reads_nothing_of_its_caller_s_settings_nor_do_its_processes(
    tmp_path: Path,
) -> None:
    settings = alone(tmp_path)
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    given = {"state_dir", "temporal_config", "web_port", "desk_port", "temporal_port", "smtp_port", "api_open"}
    assert dict(settings) == defaults | {name: getattr(settings, name) for name in given}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WHAT_A_CHILD_READS, env=environment(settings), stdout=asyncio.subprocess.PIPE
    )
    read, _ = await child.communicate()
    assert read.decode() == f"{settings.model_dump_json()} None\n"


def holders(stack: Stack, secret: str) -> set[str]:
    """Return which of the running processes have a secret among their variables or arguments."""
    running = {name: psutil.Process(pid) for name, pid in stack.processes.items()}
    return {name for name, each in running.items() if secret in "\n".join([*each.environ().values(), *each.cmdline()])}


@pytest.mark.usefixtures("environment_of_others")
@pytest.mark.long
async def test_every_part_that_is_killed_comes_back_and_a_second_stack_is_refused(state_dir: Path) -> None:
    said: list[str] = []
    api_key, link_key = "a-key-of-the-api-0123456789-abcdefghij", "a-key-of-links-0123456789-abcdefghij"
    own: dict[str, Any] = {"api_open": False, "api_keys": (SecretStr(api_key),), "secret_key": SecretStr(link_key)}
    settings = alone(state_dir, **own)
    async with Stack(settings, say=said.append) as stack:
        assert list(stack.processes) == PARTS
        assert holders(stack, api_key) == {"web"}
        assert holders(stack, link_key) == {"worker", "eraser", "web", "desk"}
        before = stack.processes
        for name in PARTS:
            stack.kill(name)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(stack.back(name) for name in PARTS))
        for name in PARTS:
            assert any(line.startswith(f"{name} was killed by SIGKILL") for line in said)
        after = stack.processes
        assert not set(before.values()) & set(after.values())
        assert await _web_answers(settings)
        with pytest.raises(StackError, match="already running"):
            await Stack(settings, say=said.append).__aenter__()
        assert stack.processes == after
    assert _alive(list(before.values()) + list(after.values())) == []
    assert not Places(state_dir).processes.exists()


async def test_a_taken_port_is_refused_and_nothing_is_started(state_dir: Path) -> None:
    settings = alone(state_dir)
    async with await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", settings.desk_port):
        stack = Stack(settings)
        with pytest.raises(StackError, match="TETSUZUKI_DESK_PORT"):
            await stack.__aenter__()
    assert stack.processes == {}
    assert not Places(state_dir).postgres.exists()


@pytest.mark.long
async def test_a_database_of_a_newer_version_is_refused_and_all_is_stopped_again(state_dir: Path) -> None:
    settings = alone(state_dir)
    async with Stack(settings):
        database = await asyncpg.connect(user="postgres", database=DATABASE, host=str(Places(state_dir).socket_dir))
        await database.execute("update alembic_version set version_num = '9999'")
        await database.close()
    stack = Stack(settings)
    with pytest.raises(NewerDatabaseError, match="newer version"):
        await stack.__aenter__()
    assert list(stack.processes) == ["postgres", "temporal"]
    assert _alive(list(stack.processes.values())) == []


@pytest.mark.long
async def test_what_a_killed_supervisor_left_behind_is_ended_by_the_next_one(state_dir: Path, tmp_path: Path) -> None:
    settings = alone(state_dir)
    async with running(settings, tmp_path / "first") as first:
        left = [child.pid for child in psutil.Process(first.pid).children()]
        first.kill()
        await first.wait()
        assert len(left) == len(PARTS)
        assert sorted(_alive(left)) == sorted(left)
    async with running(settings, tmp_path / "second") as second:
        assert _alive(left) == []
        assert "ended what an earlier run had left behind: postgres" in (tmp_path / "second").read_text()
        assert await _web_answers(settings)
        started = [child.pid for child in psutil.Process(second.pid).children()]
        os.kill(second.pid, signal.SIGINT)
        assert await second.wait() == 0
    assert _alive(started) == []
    said = (tmp_path / "second").read_text()
    for address in (settings.web_port, settings.desk_port, settings.temporal_port, settings.smtp_port):
        assert f"127.0.0.1:{address}" in said
    assert said.endswith("stopping: work in hand is finished first\nstopped\n")
