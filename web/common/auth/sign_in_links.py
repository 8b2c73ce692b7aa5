"""Sign-in links of the embedded stack, which has no provider: each good once, while the same `up` runs."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus

from sqlalchemy import delete, update

from models.common.calendar import utc_now
from models.common.store.operators import audit_operator
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import OperatorRow, OperatorSignInLinkRow
from web.common.auth.operator_access import AccessRefusedError
from web.common.auth.sessions import token_hash

LINK = "/sign-in/link"
_OTHERS_KEPT = timedelta(days=7)
"""Links of other runs are deleted only when they are old: two stacks may share a database."""
NOT_GOOD = (
    "このログイン用リンクは使えません。一度使われたか、発行した後にシステムが再起動しています。"
    "tetsuzuki operators link に続けてお名前を指定し、新しいリンクを発行してください。"
)


class SignInLinks:
    """Makes and takes links. `run`: this run of `tetsuzuki up`; links of other runs are good for nothing."""

    def __init__(self, sessions: DatabaseSessions, run: str, now: Callable[[], datetime] = utc_now) -> None:
        self._sessions = sessions
        self._run = run
        self._now = now

    async def make(self, operator: OperatorRow) -> str:
        """Return the path of a new link, with its secret in the query: queries are in no log."""
        token = secrets.token_urlsafe(32)
        async with self._sessions.begin() as session:
            row, long_ago = OperatorSignInLinkRow, self._now() - _OTHERS_KEPT
            await session.execute(delete(row).where(row.run != self._run, row.made_at < long_ago))
            session.add(
                OperatorSignInLinkRow(
                    token_hash=token_hash(token), operator_id=operator.operator_id, run=self._run, made_at=self._now()
                )
            )
        return f"{LINK}?key={token}"

    async def whose(self, token: str) -> OperatorRow:
        """Return whom the link is for, and leave it as it is. Raises `AccessRefusedError` if it is not good."""
        async with self._sessions() as session:
            return (await self._good(session, token)).operator

    async def take(self, token: str) -> OperatorRow:
        """Use the link up. Raises `AccessRefusedError` if it is not good: of two who use it at once, one is let in."""
        async with self._sessions.begin() as session:
            operator = (await self._good(session, token)).operator
            row, now = OperatorSignInLinkRow, self._now()
            unused = update(row).where(row.token_hash == token_hash(token), row.used_at.is_(None))
            taken = await session.execute(unused.values(used_at=now).returning(row.operator_id))
            if taken.first() is None:
                raise _refused()
            audit_operator(session, operator.handle, "signed_in", by=operator.handle, at=now, how="link")
            return operator

    async def _good(self, session: DatabaseSession, token: str) -> OperatorSignInLinkRow:
        row = await session.get(OperatorSignInLinkRow, token_hash(token))
        if row is None or row.run != self._run or row.used_at is not None or row.operator.removed_at is not None:
            raise _refused()
        return row


def _refused() -> AccessRefusedError:
    return AccessRefusedError(HTTPStatus.GONE, "ログイン用リンクを使えません", NOT_GOOD)
