"""Where the embedded stack keeps its things. Pure paths: nothing is created or opened here."""

from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL

DATABASE = "tetsuzuki"


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
        """Where the embedded Postgres listens: every process that knows the state folder finds it."""
        return self.state / "socket"

    @property
    def database_url(self) -> str:
        """The embedded database, as its owner."""
        return postgres_url(self.socket_dir, DATABASE)


def postgres_url(socket_dir: Path, database: str, user: str = "postgres") -> str:
    """A database of the Postgres that listens in `socket_dir`.

    SQLAlchemy reads a host with commas or colons as several: they are escaped (`workers/database_connection.py`).
    """
    query = {"host": quote(bytes(socket_dir))}
    url = URL.create("postgresql+asyncpg", username=user, database=database, query=query)
    return url.render_as_string()
