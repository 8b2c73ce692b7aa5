"""Commands where somebody else's machine is: its console, its variables, its time zones, its full disk."""

import io
import os
import subprocess
import sys
import tomllib
import zoneinfo
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from models.common import calendar
from workers.program import show_whatever_comes
from workers.stack.postgres import command
from workers.stack.stack_settings import alone, environment
from workers.tls import TlsError
from workers.wiring.checked import check_settings

CONSOLES = pytest.mark.robustness("consoles")
VARIABLES = pytest.mark.robustness("variables of others")
ZONES = pytest.mark.robustness("time zones")
ROOT = Path(__file__).parents[2]

OF_OTHERS = {
    "PGPORT": "6543",
    "PGHOST": "db.invalid",
    "PGSSLMODE": "verify-full",
    "PGTARGETSESSIONATTRS": "standby",
    "PGPASSFILE": "/nowhere",
    "PGUSER": "somebody",
    "PGDATABASE": "theirs",
    "PGSERVICE": "theirs",
    "PGDATA": "/nowhere",
    "PGCLIENTENCODING": "SQL_ASCII",
}


def tetsuzuki(
    *arguments: str, variables: Mapping[str, str], stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    argv = [sys.executable, "-m", "workers", *arguments]
    return subprocess.run(argv, env=inherited | dict(variables), stdout=stdout, stderr=subprocess.PIPE, check=False)  # noqa: S603


def said_beside(ended: subprocess.CompletedProcess[bytes]) -> bytes:
    """What a command has said on standard error, without the lines of the security log."""
    lines = ended.stderr.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b'{"time"'))


@CONSOLES
@VARIABLES
@pytest.mark.parametrize(
    ("console", "said"),
    [
        ({"PYTHONIOENCODING": "ascii"}, b"\\u79d8\\u5bc6\\u9375\twhsec_"),
        pytest.param(
            {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            b"\\u79d8\\u5bc6\\u9375\twhsec_",
            marks=pytest.mark.long,
        ),
        pytest.param({"PYTHONIOENCODING": "cp932"}, "秘密鍵\twhsec_".encode("cp932"), marks=pytest.mark.long),
    ],
    ids=["ascii", "POSIX", "cp932"],
)
def test_a_secret_is_shown_on_every_console_whatever_others_have_set_for_their_databases(
    console: dict[str, str], said: bytes, database_url: str
) -> None:
    ended = tetsuzuki(
        *("webhooks", "add", "https://books.example.co.jp/hook"),
        variables=console | OF_OTHERS | {"TETSUZUKI_DATABASE_URL": database_url},
    )
    assert (ended.returncode, said_beside(ended)) == (0, b"")
    assert said in ended.stdout


@CONSOLES
def test_what_cannot_be_written_down_is_said(database_url: str) -> None:
    """Also to who only looks at the exit code: the secret of a new subscriber is nowhere else."""
    with Path("/dev/full").open("wb") as full:
        ended = tetsuzuki(
            *("webhooks", "add", "https://books.example.co.jp/hook"),
            variables={"TETSUZUKI_DATABASE_URL": database_url},
            stdout=full.fileno(),
        )
    assert ended.returncode == 1
    assert said_beside(ended) == b"error: done, but what was printed could not be written: No space left on device\n"


@CONSOLES
@pytest.mark.parametrize(
    ("closed", "said"),
    [(">&-", b"error: standard output is closed"), pytest.param(">&- 2>&-", b"", marks=pytest.mark.long)],
)
def test_with_nowhere_to_print_nothing_is_done(closed: str, said: bytes, database_url: str) -> None:
    added = f"{sys.executable} -m workers webhooks add https://books.example.co.jp/hook"
    variables = {"TETSUZUKI_DATABASE_URL": database_url}
    ended = subprocess.run(  # noqa: S602 our own
        f"exec {added} {closed}", shell=True, env=os.environ | variables, stderr=subprocess.PIPE, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith(said)
    assert b"Traceback" not in ended.stderr
    listed = tetsuzuki("webhooks", "list", variables=variables)
    assert "送信先はまだ登録されていません。" in listed.stdout.decode()


@CONSOLES
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "cp932", "euc_jp", "koi8-r", "utf-16"])
@pytest.mark.parametrize("letters", ["秘密鍵\twhsec_", "髙﨑𠮷", "Café Дом", "\ud800", "👩‍💻①㈱"])
def test_a_letter_that_a_console_cannot_show_is_its_number(
    encoding: str, letters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", console)
    show_whatever_comes()
    sys.stdout.write(letters)
    sys.stdout.flush()
    shown = console.buffer.getvalue().decode(encoding)
    assert shown.encode("ascii", "backslashreplace").decode() == letters.encode("ascii", "backslashreplace").decode()


@VARIABLES
def test_no_process_of_the_stack_sees_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in OF_OTHERS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SOMETHING_ELSE", "stays")
    given = environment(None)
    assert not OF_OTHERS.keys() & given.keys()
    assert given["SOMETHING_ELSE"] == "stays"
    assert "port=5432" in command(tmp_path / "postgres", tmp_path / "socket").argv


@VARIABLES
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("value", ["/nowhere", __file__, "/dev/null", "two\nlines", "申込"])
def test_authorities_that_cannot_be_read_end_the_start_with_the_variable_s_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for each in ("SSL_CERT_FILE", "SSL_CERT_DIR"):  # of the two the first counts
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(TlsError, match=name):
        check_settings(alone(tmp_path))
    monkeypatch.setenv(name, "")
    check_settings(alone(tmp_path))


@ZONES
def test_days_are_counted_without_the_machines_time_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers often have none, and others' are set to anything."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert any(each.startswith("tzdata") for each in project["dependencies"])
    at = calendar.utc_now()
    before = calendar.day_in_japan(at)
    for theirs in ("", "Nowhere/Nothing", ":/nowhere", "America/Los_Angeles", "UTC+26", "/etc/passwd"):
        monkeypatch.setenv("TZ", theirs)
        monkeypatch.setenv("PYTHONTZPATH", "")
        zoneinfo.reset_tzpath([])
        try:
            japan = zoneinfo.ZoneInfo.no_cache(calendar.JST.key)
        finally:
            zoneinfo.reset_tzpath()
        assert f"{at.astimezone(japan):%Y-%m-%d}" == str(before)
    assert calendar.BusinessCalendar().due_date(date(2026, 11, 4)) == date(2026, 11, 20)


@ZONES
def test_a_command_asks_the_machine_for_no_zone() -> None:
    ended = tetsuzuki("due-date", "2026-11-04", variables={"TZ": "America/Los_Angeles", "PYTHONTZPATH": ""})
    assert (ended.returncode, ended.stdout) == (0, b"2026-11-20\n")
