"""Where the embedded stack keeps its things. Pure paths: nothing is created or opened here."""

import hashlib
import tempfile
from pathlib import Path

from sqlalchemy import URL

DATABASE = "tetsuzuki"
# Linux allows 107 bytes for the path of a Unix socket; Postgres names its socket `.s.PGSQL.5432`.
LONGEST_SOCKET_DIR = 107 - len("/.s.PGSQL.5432")


class Places:
    """The files and folders under one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self.state = state_dir.absolute()
        self.lock = self.state / "lock"
        self.processes = self.state / "processes.json"
        self.secret_key = self.state / "secret_key"
        self.signing_keys = self.state / "keys"
        self.master_keys = self.state / "master_keys"
        self.audit_heads = self.state / "audit" / "heads.jsonl"
        self.journal = self.state / "journal" / "journal.jsonl"
        self.handed_keys = self.state / "handed-keys"
        self.sign_in_run = self.state / "sign_in_run"
        self.logs = self.state / "logs"
        self.mail = self.state / "mail"
        self.postgres = self.state / "postgres"
        self.temporal = self.state / "temporal.db"

    @property
    def socket_dir(self) -> Path:
        """Where the embedded Postgres listens: under the state folder, elsewhere if that path is too long."""
        preferred = self.state / "socket"
        if len(bytes(preferred)) <= LONGEST_SOCKET_DIR:
            return preferred
        digest = hashlib.sha256(bytes(self.state)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"tetsuzuki-{digest}"

    @property
    def database_url(self) -> str:
        """The embedded database, as its owner."""
        return postgres_url(self.socket_dir, DATABASE)


def postgres_url(socket_dir: Path, database: str, user: str = "postgres") -> str:
    """A database of the Postgres that listens in `socket_dir`."""
    url = URL.create("postgresql+asyncpg", username=user, database=database, query={"host": str(socket_dir)})
    return url.render_as_string()
