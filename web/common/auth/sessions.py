"""Who is signed in: a random token in a cookie, of which only the hash is stored."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import delete, or_, select
from starlette.requests import HTTPConnection
from starlette.responses import Response

from models.common.calendar import utc_now
from models.common.security_log import SecurityEvent, security_event
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables.base import SessionRow
from web.common.cookies import Cookie

IDLE = timedelta(minutes=30)
"""A session ends when nothing was asked for this long,"""
LONGEST = timedelta(hours=12)
"""and this long after it began in any case."""
_NOTED_EVERY = timedelta(minutes=1)
_BROWSER_LENGTH = 200


Row = TypeVar("Row", bound=SessionRow)


class Sessions(Generic[Row]):
    """Sessions of one kind in Postgres, so that any web process knows them and one can be ended at once.

    Each kind has a table and a cookie of its own: who is signed in as one is nobody to the others.
    """

    def __init__(
        self,
        sessions: DatabaseSessions,
        kind: type[Row],
        cookie: str,
        *,
        https: bool,
        now: Callable[[], datetime] = utc_now,
        idle: timedelta = IDLE,
    ) -> None:
        """`idle`: how long a session of this kind lasts when nothing is asked."""
        self._sessions = sessions
        self._kind = kind
        self._now = now
        self._idle = idle
        self.cookie = Cookie(cookie, https=https)

    async def find(self, request: HTTPConnection, *, keeps: bool = True) -> Row | None:
        """Return the session of who is signed in, and keep it from becoming idle (unless not `keeps`)."""
        token = self.cookie.read(request)
        if not token:
            return None
        now = self._now()
        async with self._sessions.begin() as session:
            row = await session.get(self._kind, token_hash(token))
            if row is None or row.created_at <= now - LONGEST or row.seen_at <= now - self._idle:
                return None
            if keeps and row.seen_at <= now - _NOTED_EVERY:
                row.seen_at = now
            return row

    async def begin(self, request: HTTPConnection, response: Response, **whose: Any) -> None:
        """Sign in under a new token; the browser's earlier session, if any, is over. `whose`: the kind's own column."""
        token, now = secrets.token_urlsafe(32), self._now()
        async with self._sessions.begin() as session:
            await self._delete(session, request)
            browser = request.headers.get("user-agent", "")[:_BROWSER_LENGTH]
            begun = {"token_hash": token_hash(token), "created_at": now, "seen_at": now, "browser": browser}
            session.add(self._kind(**begun, **whose))
        numbers = {name: value for name, value in whose.items() if isinstance(value, int)}
        security_event(SecurityEvent.LOG_IN, "done", sessions=self._kind.__tablename__, **numbers)
        self.cookie.write(response, token)

    async def end(self, request: HTTPConnection, response: Response) -> None:
        async with self._sessions.begin() as session:
            await self._delete(session, request)
        security_event(SecurityEvent.LOG_OUT, "done", sessions=self._kind.__tablename__)
        self.cookie.delete(response)

    async def listed(self, **whose: Any) -> Sequence[Row]:
        """Return the sessions of one account that are not over, the newest first. `whose`: as in `begin`."""
        kind, now = self._kind, self._now()
        lasting = (kind.created_at > now - LONGEST, kind.seen_at > now - self._idle)
        async with self._sessions() as session:
            rows = await session.scalars(
                select(kind).filter_by(**whose).where(*lasting).order_by(kind.created_at.desc())
            )
            return rows.all()

    async def end_all(self, response: Response, **whose: Any) -> None:
        """End every session of one account, that of this browser included."""
        async with self._sessions.begin() as session:
            await session.execute(delete(self._kind).filter_by(**whose))
        security_event(SecurityEvent.LOG_OUT, "everywhere", sessions=self._kind.__tablename__, **whose)
        self.cookie.delete(response)

    def is_this(self, request: HTTPConnection, row: Row) -> bool:
        """Whether it is the session that asks."""
        return row.token_hash == token_hash(self.cookie.read(request))

    async def forget(self) -> None:
        """Delete the sessions that are over."""
        now = self._now()
        async with self._sessions.begin() as session:
            over = or_(self._kind.created_at <= now - LONGEST, self._kind.seen_at <= now - self._idle)
            await session.execute(delete(self._kind).where(over))

    async def _delete(self, session: DatabaseSession, request: HTTPConnection) -> None:
        mine = self._kind.token_hash == token_hash(self.cookie.read(request))
        await session.execute(delete(self._kind).where(mine))


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
