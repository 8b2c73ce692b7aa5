"""PgBouncer before a server of the tests, where Debian's is installed."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.running import PATIENCE
from workers.stack import postgres
from workers.stack.checks import free_port

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
needs_pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason="no PgBouncer (apt install pgbouncer)")


@contextmanager
def pooler(socket_dir: Path, mode: str, *, ignores: str = "") -> Iterator[int]:
    """Give a port of this machine at which a pooler leads to the server that listens in this folder.

    `ignores`: which of a client's parameters are not passed on; without them it refuses who sends others.
    """
    port = free_port()
    account = postgres.command(socket_dir, socket_dir).account  # it may open the socket, and is not root
    entry = pwd.getpwuid(account.get("user", os.geteuid()))
    with TemporaryDirectory(prefix="tetsuzuki-") as name:
        folder = Path(name)
        options = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(port),
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": mode,
            "ignore_startup_parameters": ignores,
        }
        lines = ["[databases]", f"* = host={socket_dir} user=postgres", "[pgbouncer]"]
        (folder / "ini").write_text("\n".join([*lines, *(f"{option} = {value}" for option, value in options.items())]))
        for path in (folder, folder / "ini"):
            os.chown(path, entry.pw_uid, entry.pw_gid)
        assert PGBOUNCER
        said = folder / "said"
        with said.open("wb") as log:
            process = subprocess.Popen([PGBOUNCER, folder / "ini"], **account, stdout=log, stderr=log)  # noqa: S603
        try:
            give_up = time.monotonic() + PATIENCE
            while b"process up" not in said.read_bytes():
                assert process.poll() is None, said.read_text()
                assert time.monotonic() < give_up
                time.sleep(0.02)
            yield port
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
