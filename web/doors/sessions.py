"""Who is signed in: a random token in a cookie, of which only the hash is stored."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Delete, delete, or_
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.requests import HTTPConnection
from starlette.responses import Response

from models.identifiers import YayoiId
from models.tables import WebSessionRow
from web.doors.cookies import Cookie

IDLE = timedelta(minutes=30)
"""A session ends when nothing was asked for this long,"""
LONGEST = timedelta(hours=12)
"""and this long after it began in any case."""
_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Visitor:
    """Whoever is signed in."""

    yayoi_id: YayoiId


class Sessions:
    """Sessions in Postgres, so that any web process knows them and one can be ended at once."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        *,
        https: bool,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sessions = sessions
        self._now = now
        self.cookie = Cookie("session", https=https)

    async def visitor(self, request: HTTPConnection) -> Visitor | None:
        """Return who is signed in, and keep the session from becoming idle."""
        token = self.cookie.read(request)
        if not token:
            return None
        now = self._now()
        async with self._sessions.begin() as session:
            row = await session.get(WebSessionRow, _hash(token))
            if row is None or row.created_at <= now - LONGEST or row.seen_at <= now - IDLE:
                return None
            if row.seen_at <= now - _NOTED_EVERY:
                row.seen_at = now
            return Visitor(YayoiId(row.yayoi_id))

    async def begin(self, request: HTTPConnection, response: Response, yayoi_id: YayoiId) -> None:
        """Sign in under a new token; the browser's earlier session, if any, is over."""
        token, now = secrets.token_urlsafe(32), self._now()
        async with self._sessions.begin() as session:
            await session.execute(_of(self.cookie.read(request)))
            session.add(WebSessionRow(token_hash=_hash(token), yayoi_id=yayoi_id, created_at=now, seen_at=now))
        self.cookie.write(response, token)

    async def end(self, request: HTTPConnection, response: Response) -> None:
        async with self._sessions.begin() as session:
            await session.execute(_of(self.cookie.read(request)))
        self.cookie.delete(response)

    async def forget(self) -> None:
        """Delete the sessions that are over."""
        now = self._now()
        async with self._sessions.begin() as session:
            await session.execute(
                delete(WebSessionRow).where(
                    or_(WebSessionRow.created_at <= now - LONGEST, WebSessionRow.seen_at <= now - IDLE)
                )
            )


def _of(token: str) -> Delete:
    return delete(WebSessionRow).where(WebSessionRow.token_hash == _hash(token))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
