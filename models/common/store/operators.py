"""Operators in Postgres: who they are to a provider, their roles and leave. Each change is kept in the audit."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, func, or_, select

from models.common.journal import EndedKind
from models.common.operators import Leave, Role
from models.common.refusals import FieldError, RefusedError
from models.common.security_log import SecurityEvent, security_event
from models.common.store.journalling import journal_end
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import (
    OperatorAuditRow,
    OperatorIdentityRow,
    OperatorRow,
    OperatorSessionRow,
    OperatorSignInLinkRow,
)

_LAST_ADMINISTRATOR = 7_000_016_002
"""The number by which Postgres knows the lock that changes of administrators take one after the other."""
LAST_ADMINISTRATOR = "管理者が 1 人もいなくなるため、変更できません。先に、ほかの担当者を管理者にしてください。"
OF_ANOTHER = "この識別子は、すでに別の担当者（{handle}）に登録されています。先に、その登録を削除してください。"
NOT_THERE = "この担当者は登録されていません。担当者の一覧を開き直して、確認してください。"


class ProviderIdentity(NamedTuple):
    """By what an OpenID provider knows somebody."""

    issuer: str
    subject: str


class ListedOperator(NamedTuple):
    """An operator and by what providers know them."""

    row: OperatorRow
    identities: Sequence[OperatorIdentityRow]


class Operators:
    """Reads and changes operators; `by` is the handle of who does it."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    async def listed(self) -> list[ListedOperator]:
        """Return all who are operators now, by handle."""
        async with self._sessions() as session:
            rows = await session.scalars(
                select(OperatorRow).where(OperatorRow.removed_at.is_(None)).order_by(OperatorRow.handle)
            )
            identities = defaultdict(list)
            for each in await session.scalars(select(OperatorIdentityRow).order_by(OperatorIdentityRow.subject)):
                identities[each.operator_id].append(each)
            return [ListedOperator(row, identities[row.operator_id]) for row in rows]

    async def called(self, name: str) -> OperatorRow | None:
        """Return who has this handle or name, if they are an operator now."""
        async with self._sessions() as session:
            called = or_(OperatorRow.handle == name, OperatorRow.name == name)
            found = await session.scalars(
                # The handle wins, should somebody's name be another's handle.
                select(OperatorRow).where(called, OperatorRow.removed_at.is_(None)).order_by(OperatorRow.handle != name)
            )
            return found.first()

    async def sign_in(
        self, identity: ProviderIdentity, roles: Collection[Role] | None, at: datetime
    ) -> OperatorRow | None:
        """Return whom the provider knows by this; None: it is nobody here. `roles`: what it says they have, if it does.

        Its roles are kept: who reads an operator's roles need not know where they come from.
        """
        async with self._sessions.begin() as session:
            row = await session.scalar(
                select(OperatorRow)
                .join(OperatorIdentityRow, OperatorIdentityRow.operator_id == OperatorRow.operator_id)
                .where(
                    OperatorIdentityRow.issuer == identity.issuer,
                    OperatorIdentityRow.subject == identity.subject,
                    OperatorRow.removed_at.is_(None),
                )
            )
            if row is None:
                return None
            if roles is not None and (named := _in_order(roles)) != row.roles:
                row.roles = named
                audit_operator(session, row.handle, "roles_changed", by=row.handle, at=at, roles=named, how="claim")
            audit_operator(session, row.handle, "signed_in", by=row.handle, at=at, how="openid")
            return row

    async def take_leave(self, handle: str, leave: Leave, *, by: str, at: datetime) -> None:
        """Set the days of leave, or none. Raises `RefusedError` if nobody has this handle."""
        async with self._sessions.begin() as session:
            row = await _there(session, handle)
            row.leave_from, row.leave_until = leave.leave_from, leave.leave_until
            audit_operator(session, handle, "leave_changed", by=by, at=at, **leave.model_dump(mode="json"))

    async def set_roles(self, handle: str, roles: Collection[Role], *, by: str, at: datetime) -> None:
        """Raises `RefusedError` if nobody has this handle, or if nobody would be an administrator any more."""
        async with self._sessions.begin() as session:
            row = await _there(session, handle)
            if Role.ADMINISTRATOR not in roles:
                await _leave_an_administrator(session, row)
            if set(row.roles) - set(left := _in_order(roles)):
                await journal_end(session, EndedKind.OPERATOR_ROLES, handle, *left, at=at)
            row.roles = left
            audit_operator(session, handle, "roles_changed", by=by, at=at, roles=row.roles)

    async def add_identity(self, handle: str, identity: ProviderIdentity, *, by: str, at: datetime) -> None:
        """Let a provider's user log in as this operator. Raises `RefusedError` if they do as another one."""
        async with self._sessions.begin() as session:
            row = await _there(session, handle)
            # Two who add the same identity at once: the second fails at the commit and is tried again by its user.
            known = await session.get(OperatorIdentityRow, identity)
            if known is not None and known.operator_id != row.operator_id:
                other = await session.get_one(OperatorRow, known.operator_id)
                raise _refused("subject", OF_ANOTHER.format(handle=other.handle))
            if known is None:
                session.add(OperatorIdentityRow(**identity._asdict(), operator_id=row.operator_id, added_at=at))
                audit_operator(session, handle, "identity_added", by=by, at=at, **identity._asdict())

    async def remove_identity(self, handle: str, identity: ProviderIdentity, *, by: str, at: datetime) -> None:
        """Forget by what a provider knows them; the log-ins that began with it are over."""
        async with self._sessions.begin() as session:
            row = await _there(session, handle)
            known = await session.get(OperatorIdentityRow, identity)
            if known is not None and known.operator_id == row.operator_id:
                await journal_end(session, EndedKind.OPERATOR_IDENTITY, handle, *identity, at=at)
                await session.delete(known)
                audit_operator(session, handle, "identity_removed", by=by, at=at, **identity._asdict())

    async def record(self, handle: str, action: str, *, by: str, at: datetime, **facts: Any) -> None:
        """Put into the audit what an operator did that changed none of them."""
        async with self._sessions.begin() as session:
            audit_operator(session, handle, action, by=by, at=at, **facts)

    async def set_capacity(self, handle: str, capacity: int, *, by: str, at: datetime) -> None:
        """Set how many due cases they can bring to an end on a working day. Raises `RefusedError` as `take_leave`."""
        async with self._sessions.begin() as session:
            row = await _there(session, handle)
            row.capacity = capacity
            audit_operator(session, handle, "capacity_changed", by=by, at=at, capacity=capacity)

    async def remove(self, handle: str, *, by: str, at: datetime) -> None:
        """They are no operator any more, and all their log-ins are over. Raises `RefusedError` as `set_roles`."""
        async with self._sessions.begin() as session:
            row = await _there(session, handle)
            await _leave_an_administrator(session, row)
            await journal_end(session, EndedKind.OPERATOR, handle, at=at)
            row.removed_at, row.takes_cases = at, False
            for table in (OperatorSessionRow, OperatorSignInLinkRow, OperatorIdentityRow):
                await session.execute(delete(table).where(table.operator_id == row.operator_id))
            audit_operator(session, handle, "removed", by=by, at=at)


def audit_operator(session: DatabaseSession, handle: str, action: str, *, by: str, at: datetime, **facts: Any) -> None:
    """Add an entry, which commits with what it is about."""
    session.add(OperatorAuditRow(happened_at=at, operator=handle, action=action, by=by, facts=facts))
    security_event(SecurityEvent.OPERATOR, action, operator=handle, by=by)


async def operator_names(session: DatabaseSession, handles: Collection[str | None]) -> Mapping[str | None, str]:
    """Return what operators are called, those who have left included, by their handles."""
    found = await session.execute(select(OperatorRow.handle, OperatorRow.name).where(OperatorRow.handle.in_(handles)))
    return {row.handle: row.name for row in found}


async def names_of_operators(session: DatabaseSession) -> Mapping[str, str]:
    """Return what everybody is or was called who is or was an operator, by their handles."""
    found = await session.execute(select(OperatorRow.handle, OperatorRow.name))
    return {row.handle: row.name for row in found}


async def operator_name(session: DatabaseSession, handle: str | None) -> str | None:
    """Return what one operator is called; None for nobody."""
    return (await operator_names(session, {handle})).get(handle) if handle else None


async def _there(session: DatabaseSession, handle: str) -> OperatorRow:
    found = select(OperatorRow).where(OperatorRow.handle == handle, OperatorRow.removed_at.is_(None)).with_for_update()
    row: OperatorRow | None = await session.scalar(found)
    if row is None:
        raise _refused("", NOT_THERE)
    return row


async def _leave_an_administrator(session: DatabaseSession, but_not: OperatorRow) -> None:
    """Raise `RefusedError` if this is the only administrator. Holds a lock until the commit."""
    if Role.ADMINISTRATOR not in but_not.roles:
        return
    # Without the lock, two administrators who remove each other at once would leave nobody.
    await session.execute(select(func.pg_advisory_xact_lock(_LAST_ADMINISTRATOR)))
    others = select(OperatorRow.handle).where(
        OperatorRow.roles.contains([Role.ADMINISTRATOR.value]),
        OperatorRow.removed_at.is_(None),
        OperatorRow.operator_id != but_not.operator_id,
    )
    if await session.scalar(others.limit(1)) is None:
        raise _refused("roles", LAST_ADMINISTRATOR)


def _in_order(roles: Collection[Role]) -> list[str]:
    return [role.value for role in Role if role in roles]


def _refused(field: str, message: str) -> RefusedError:
    return RefusedError([FieldError(field=field, message=message)])
