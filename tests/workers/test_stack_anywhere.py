"""The whole stack where nobody has thought of it: its folder, its machine, its user, its disk."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.common.web_addresses import address_of
from tests.support.environment import OFFICE_B
from tests.support.running import PATIENCE
from tests.support.running_stack import running
from tests.support.small_disk import filled, small_disk
from tests.support.stack_cases import Outside, load_examples
from workers import database, examples
from workers.settings import Settings
from workers.stack.places import Places
from workers.stack.stack_settings import alone, environment
from workers.stack.supervisor import Stack

pytestmark = [pytest.mark.stack, pytest.mark.long]

UNSHARE = shutil.which("unshare")
NAME = "申込 データ, 1: 100%41 #a 'b' \"c\" $HOME ?x=1&y;"
OF_OTHERS = {
    "TMPDIR": "/nowhere",
    "LC_ALL": "POSIX",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONIOENCODING": "ascii",
    "PYTHONTZPATH": "",
    "TZ": "Nowhere/Nothing",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "all_proxy": "socks5://127.0.0.1:9",
    "PGPORT": "6543",
    "PGHOST": "db.invalid",
    "PGSSLMODE": "verify-full",
    "PGTARGETSESSIONATTRS": "standby",
    "PGDATA": "/nowhere",
    "GREETING": "\udce9t\udce9",
}


def as_another_user() -> list[str]:
    """Return what starts a program as somebody else than root; nothing for who is somebody else."""
    if os.geteuid() != 0:
        return []
    before = [UNSHARE or "unshare", "--user", "--map-user=1000", "--map-group=1000"]
    tried = subprocess.run([*before, "true"], check=False, capture_output=True, text=True) if UNSHARE else None  # noqa: S603
    if tried is None or tried.returncode != 0:
        pytest.skip(f"root cannot be somebody else here: {tried.stderr if tried else 'no unshare'}")
    return before


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.fixture
def odd_folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="tetsuzuki-") as name:
        folder = Path(name) / NAME / ("深" * 40)
        folder.mkdir(parents=True)
        yield folder / "state"


@pytest.mark.robustness("places")
@pytest.mark.robustness("variables of others")
@pytest.mark.robustness("consoles")
@pytest.mark.robustness("time zones")
@pytest.mark.robustness("torn files")
async def test_the_stack_runs_anywhere_and_every_later_command_finds_it(odd_folder: Path, tmp_path: Path) -> None:
    """Twice: a long odd folder, IPv6, another user, no home, a console in ASCII, others' variables, torn files."""
    before, host = as_another_user(), "::1" if has_ipv6() else "127.0.0.1"
    settings = alone(odd_folder, web_host=host, desk_host=host)
    assert len(bytes(Places(odd_folder).socket_dir)) > 107
    own = environment(settings)
    without_home = {name: value for name, value in own.items() if name not in {"HOME", "LANG", "USER", "LOGNAME"}}
    variables = without_home | OF_OTHERS
    elsewhere = without_home | {"TMPDIR": "/tmp", "PGPORT": "7654", "http_proxy": "http://127.0.0.1:9"}  # noqa: S108

    async def tetsuzuki(*arguments: str, sees: dict[str, str]) -> str:
        command = await asyncio.create_subprocess_exec(
            *(*before, sys.executable, "-m", "workers", *arguments), env=sees, cwd="/", stdout=-1, stderr=-2
        )
        said, _ = await command.communicate()
        assert command.returncode == 0, said.decode()
        return said.decode()

    registry = examples.registry()
    for run in (1, 2):
        console = tmp_path / f"console {run}"
        async with running(settings, console, Path("/"), variables=variables, before=before) as up:
            loaded = await tetsuzuki("load", str(registry), sees=elsewhere)
            assert ("登録 0件" in loaded) == (run == 2)  # the data of the first run are there
            shown = await tetsuzuki("webhooks", "add", f"https://books.example.co.jp/{run}", sees=variables)
            assert "\\u79d8\\u5bc6\\u9375\twhsec_" in shown
            for part in ("web", "desk", "worker"):
                await tetsuzuki("health", part, sees=variables)
            async with httpx.AsyncClient(trust_env=False) as http:
                ready = await http.get(f"{address_of(host, settings.web_port)}/readyz", timeout=PATIENCE)
            assert ready.json() == {"database": True, "temporal": True}
            os.kill(up.pid, signal.SIGINT)
            assert await up.wait() == 0
        said = console.read_text()
        assert ("cannot be read and is passed over" in said) == (run == 2)
        assert "Traceback" not in said
        Places(odd_folder).processes.write_bytes(b"")
        assert {each.name for each in odd_folder.parent.iterdir()} == {"state"}
    assert Places(odd_folder).temporal.stat().st_size > 0


@pytest.mark.robustness("full disk")
async def test_nothing_is_lost_on_a_disk_that_fills_and_empties_again() -> None:
    with small_disk(700) as disk:
        settings = alone(disk / "state")
        said: list[str] = []
        async with Stack(settings, say=said.append) as stack:
            await load_examples(stack.settings)
            outside = Outside(stack.settings)
            with filled(disk):
                assert await _storing_fails(stack.settings) == "53100"
                applying = asyncio.create_task(outside.apply(OFFICE_B))  # it tries until it is heard
                asked = [await _one_try(stack.settings) for _ in range(5)]
                assert set(asked) <= {202, 422, 503}
            number = await applying
            assert number.startswith("YS-")
            notice = await outside.notice(OFFICE_B[0])
            assert notice["To"] == OFFICE_B[0]
            async with httpx.AsyncClient() as http:
                assert (await http.get(f"http://127.0.0.1:{settings.web_port}/readyz")).status_code == 200


async def _storing_fails(settings: Settings) -> str | None:
    """Fill the database, in a table without a log, until it says why it cannot go on."""
    engine = database.engine(settings)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("create unlogged table full_disk (filling text)"))
    except DBAPIError as error:
        return getattr(error.orig, "sqlstate", None)
    try:
        async with engine.begin() as connection:
            many = "insert into full_disk select repeat(md5(i::text), 200) from generate_series(1, 20000) i"
            await connection.execute(text(many))
    except DBAPIError as error:
        return getattr(error.orig, "sqlstate", None)
    finally:
        await engine.dispose()
    return None


async def _one_try(settings: Settings) -> int:
    """Ask for what is stored at once: the answer is that it was, or to come again."""
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        answer = await http.post(f"http://127.0.0.1:{settings.web_port}/api/applications", json={})
    assert answer.status_code != 503 or answer.headers["retry-after"]
    return answer.status_code
