"""Operators' log-ins: who asks, what they may see, and which of their log-ins there are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from models.common.calendar import utc_now
from models.common.operators import Area, Role, may_change, may_see
from models.common.store.operators import audit_operator
from models.common.store.sessions import DatabaseSessions
from models.tables import LogoutTokenRow, OperatorRow, OperatorSessionRow
from web.common.auth.sessions import LONGEST, Sessions, token_hash
from web.common.problems import ProblemError

OPERATORS_IDLE = timedelta(hours=8)
"""A working day: an operator's log-in ends when nothing was asked for this long."""


class AccessRefusedError(ProblemError):
    """Somebody is not let in; the page says in Japanese what is wrong and what to do."""

    def __init__(self, status: HTTPStatus, title: str, detail: str, facts: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(status, detail, title=title, facts=facts)


@dataclass(frozen=True)
class SignedInOperator:
    """Who asks."""

    operator: OperatorRow
    session: OperatorSessionRow
    roles: frozenset[Role]

    @property
    def handle(self) -> str:
        return self.operator.handle

    @property
    def labels(self) -> list[str]:
        """What their roles are called."""
        return [role.label for role in Role if role in self.roles]

    @property
    def supervises(self) -> bool:
        return Role.SUPERVISOR in self.roles

    def may_see(self, area: Area) -> bool:
        return may_see(self.roles, area)

    def may_change(self, area: Area) -> bool:
        return may_change(self.roles, area)


@dataclass(frozen=True)
class EndedAtProvider:
    """A log-out at the provider: of one of its sessions, or of everything of one user."""

    subject: str | None
    provider_session: str | None
    token_hash: str
    until: datetime
    """When the token that says so ends."""


class OperatorAccess:
    """The log-ins of operators. Only those count that come from `authority`: the provider, or this run of `up`."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        *,
        authority: str,
        https: bool,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = sessions
        self._authority = authority
        self._now = now
        self._sessions = Sessions(sessions, OperatorSessionRow, "desk", https=https, now=now, idle=OPERATORS_IDLE)

    async def find(self, request: HTTPConnection, *, keeps: bool = True) -> SignedInOperator | None:
        """Return who is logged in, as they are now: a role that was taken away is gone.

        `keeps`: whether the request keeps the log-in from becoming idle; one that a page makes by itself does not.
        """
        row = await self._sessions.find(request, keeps=keeps)
        if row is None or row.authority != self._authority or row.operator.removed_at is not None:
            return None
        return SignedInOperator(row.operator, row, Role.known(row.operator.roles))

    async def begin(
        self,
        request: Request,
        response: Response,
        operator: OperatorRow,
        *,
        subject: str | None = None,
        provider_session: str | None = None,
        id_token: str | None = None,
    ) -> None:
        """Log in under a new token; this browser's earlier log-in is over."""
        await self._sessions.begin(
            request,
            response,
            operator_id=operator.operator_id,
            authority=self._authority,
            subject=subject,
            provider_session=provider_session,
            id_token=id_token,
        )

    async def end(self, request: Request, response: Response, who: SignedInOperator) -> None:
        """Log out in this browser."""
        await self._audit(who.handle, "signed_out")
        await self._sessions.end(request, response)

    async def end_all(self, response: Response, who: SignedInOperator) -> None:
        """Log out in every browser."""
        async with self._database.begin() as session:
            mine = OperatorSessionRow.operator_id == who.operator.operator_id
            await session.execute(delete(OperatorSessionRow).where(mine))
            audit_operator(session, who.handle, "signed_out_everywhere", by=who.handle, at=self._now())
        self._sessions.cookie.delete(response)

    async def end_one(self, who: SignedInOperator, session_id: UUID) -> None:
        """End one of one's own log-ins; one that is another's, or over, stays as it is."""
        async with self._database.begin() as session:
            mine = OperatorSessionRow.operator_id == who.operator.operator_id
            await session.execute(delete(OperatorSessionRow).where(mine, OperatorSessionRow.session_id == session_id))

    async def log_ins(self, who: SignedInOperator) -> Sequence[OperatorSessionRow]:
        """Return one's own log-ins, the newest first."""
        row, now = OperatorSessionRow, self._now()
        mine = select(row).where(
            row.operator_id == who.operator.operator_id,
            row.authority == self._authority,
            row.created_at > now - LONGEST,
            row.seen_at > now - OPERATORS_IDLE,
        )
        async with self._database() as session:
            return (await session.scalars(mine.order_by(row.created_at.desc()))).all()

    async def end_at_provider(self, ended: EndedAtProvider) -> bool:
        """End what the provider has ended. False: it has said so before, in the same token."""
        row = OperatorSessionRow
        theirs = [row.authority == self._authority]
        if ended.subject is not None:
            theirs.append(row.subject == ended.subject)
        if ended.provider_session is not None:
            theirs.append(row.provider_session == ended.provider_session)
        async with self._database.begin() as session:
            seen = insert(LogoutTokenRow).values(token_hash=ended.token_hash, ends_at=ended.until)
            new = await session.execute(seen.on_conflict_do_nothing().returning(LogoutTokenRow.token_hash))
            if new.first() is None:
                return False
            for handle in await session.scalars(
                select(OperatorRow.handle).where(
                    OperatorRow.operator_id.in_(select(row.operator_id).where(*theirs).scalar_subquery())
                )
            ):
                audit_operator(session, handle, "signed_out_at_provider", by=handle, at=self._now())
            await session.execute(delete(row).where(*theirs))
        return True

    async def forget(self) -> None:
        """Delete log-ins that are over, and the provider's tokens that are."""
        await self._sessions.forget()
        async with self._database.begin() as session:
            await session.execute(delete(LogoutTokenRow).where(LogoutTokenRow.ends_at < self._now()))

    async def _audit(self, handle: str, action: str) -> None:
        async with self._database.begin() as session:
            audit_operator(session, handle, action, by=handle, at=self._now())


def logout_token_hash(issuer: str, token_id: str) -> str:
    """Return what a log-out is known by: token ids are unique for one issuer."""
    return token_hash(f"{issuer}\n{token_id}")
